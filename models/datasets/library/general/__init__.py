"""Formats that serve images of any kind."""

from models.datasets.library.data_set import DataSet
from models.datasets.library.general.image_folder import IMAGE_FOLDER
from models.datasets.library.general.medmnist import MEDMNIST

GENERAL: tuple[DataSet, ...] = (MEDMNIST, IMAGE_FOLDER)
