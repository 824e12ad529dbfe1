"""Public data sets in the layouts in which their owners distribute them, with facts on each as data."""

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import Access, ClassCount, DataSet, Facts
from models.datasets.library.registry import all_data_sets, data_set_named

__all__ = ["Access", "ClassCount", "DataSet", "Facts", "ImageColumns", "all_data_sets", "data_set_named"]
