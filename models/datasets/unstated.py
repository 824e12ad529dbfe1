"""Words by which a table says that it does not know."""

from collections.abc import Iterable

UNSTATED = frozenset({"", "-", "?", "n/a", "na", "nan", "null", "unk", "unknown"})
UNCERTAIN = "-1"  # in the tables of chest X-rays and of the hub


def stated(cells: Iterable[str]) -> list[str]:
    """Cells as they are, empty where the table only says that it does not know."""
    return ["" if cell.lower() in UNSTATED else cell for cell in cells]


def stated_labels(cells: Iterable[str]) -> list[str]:
    """The same for classes, of which -1 is none."""
    return ["" if cell in {UNCERTAIN, f"{UNCERTAIN}.0"} else cell for cell in stated(cells)]
