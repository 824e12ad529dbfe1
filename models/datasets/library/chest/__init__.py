"""Chest X-rays."""

from models.datasets.library.data_set import DataSet

CHEST: tuple[DataSet, ...] = ()
