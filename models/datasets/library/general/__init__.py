"""Formats that serve images of any kind."""

from models.datasets.library.data_set import DataSet

GENERAL: tuple[DataSet, ...] = ()
