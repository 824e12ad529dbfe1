"""Skin lesions."""

from models.datasets.library.data_set import DataSet
from models.datasets.library.skin.bcn20000 import BCN20000
from models.datasets.library.skin.derm7pt import DERM7PT
from models.datasets.library.skin.ham10000 import HAM10000
from models.datasets.library.skin.isic_archive import ISIC_ARCHIVE
from models.datasets.library.skin.melanoma_10000 import MELANOMA_10000
from models.datasets.library.skin.pad_ufes_20 import PAD_UFES_20
from models.datasets.library.skin.ph2 import PH2
from models.datasets.library.skin.uwaterloo import UWATERLOO

SKIN: tuple[DataSet, ...] = (
    ISIC_ARCHIVE,
    HAM10000,
    BCN20000,
    PAD_UFES_20,
    MELANOMA_10000,
    UWATERLOO,
    PH2,
    DERM7PT,
)
