"""Skin lesions."""

from models.datasets.library.data_set import DataSet

SKIN: tuple[DataSet, ...] = ()
