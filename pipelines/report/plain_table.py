"""Tables of the concept-level audit without a drawing: headings, words and numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.wording import ABSENT, interval, number

MOST = 300
"""Rows of a folded table; `concept_audit.json` holds them all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a plain table: its heading, then words and numbers under the heads of the table."""

    head: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlainTable:
    """A table without drawing; the first `words` columns after the heading are words, the others numbers.

    Attributes:
        title: Heading.
        note: What it says, in a sentence.
        heads: Of all columns.
        words: How many of them hold words, the first column not counted.
        rows: The first ones.
        left: Rows that are not shown.
    """

    title: str
    note: str
    heads: tuple[str, ...]
    words: int
    rows: tuple[Line, ...]
    left: int


def maybe(value: float | None, *, digits: int = 2) -> str:
    """A dash where the number does not exist."""
    return ABSENT if value is None else number(value, digits=digits)


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """`0.71 (0.66 to 0.75)`."""
    if value is None or low is None or high is None:
        return maybe(value)
    return f"{number(value, digits=2)} ({interval(low, high, digits=2)})"


def made(title: str, note: str, heads: tuple[str, ...], words: int, rows: Sequence[Line]) -> PlainTable:
    """The first rows; the others are counted."""
    return PlainTable(title, note, heads, words, tuple(rows[:MOST]), max(len(rows) - MOST, 0))
