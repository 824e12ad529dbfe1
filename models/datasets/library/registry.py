"""The data sets that are known by name."""

from models.datasets.library.chest import CHEST
from models.datasets.library.data_set import DataSet
from models.datasets.library.general import GENERAL
from models.datasets.library.skin import SKIN
from models.errors import ModelsError


def all_data_sets() -> tuple[DataSet, ...]:
    """Chest X-rays, skin, then formats that serve any images."""
    return (*CHEST, *SKIN, *GENERAL)


def data_set_named(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        ModelsError: There is none.
    """
    known = {data_set.facts.name: data_set for data_set in all_data_sets()}
    if name not in known:
        raise ModelsError(f"there is no data set {name!r}; knobo knows {', '.join(known)}")
    return known[name]
