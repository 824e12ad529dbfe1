"""Numbers in the cells of a spreadsheet; its texts are those of `knowledge.spreadsheet_cells`."""

import math


def read_number(cell: str) -> float | None:
    """The number in a cell, written with point or comma; None where it is empty.

    Raises:
        ValueError: It is no number.
    """
    text = cell.strip().lstrip("'").replace("−", "-").replace(",", ".")
    value = float(text) if text else None
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value
