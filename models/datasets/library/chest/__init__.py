"""Chest X-rays."""

from models.datasets.library.chest.chexpert import CHEXPERT
from models.datasets.library.chest.covid_qu import COVID_QU_EX, COVID_RADIOGRAPHY
from models.datasets.library.chest.kermany_pneumonia import KERMANY_PNEUMONIA
from models.datasets.library.chest.mimic_cxr_jpg import MIMIC_CXR_JPG
from models.datasets.library.chest.nih_chestxray14 import NIH_CHESTXRAY14
from models.datasets.library.chest.openi import OPENI
from models.datasets.library.chest.vindr_cxr import VINDR_CXR
from models.datasets.library.data_set import DataSet

CHEST: tuple[DataSet, ...] = (
    NIH_CHESTXRAY14,
    CHEXPERT,
    MIMIC_CXR_JPG,
    KERMANY_PNEUMONIA,
    COVID_RADIOGRAPHY,
    COVID_QU_EX,
    OPENI,
    VINDR_CXR,
)
