"""Text in the cells of a spreadsheet: nothing that a person quotes may be run as a formula."""

import math
import re

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would calculate, after any apostrophes."""


def guarded(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


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
