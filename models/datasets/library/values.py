"""Puts the cells of distributed tables into the words that all data sets share."""

from collections.abc import Iterable, Sequence
from sys import intern

SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}


def sexes(cells: Iterable[str]) -> list[str]:
    """F, M, or empty for anything else (unknown, other)."""
    return [SEXES.get(cell.strip().lower(), "") for cell in cells]


def years(cells: Iterable[str], *, highest: float = 110) -> list[str]:
    """Ages as they are without a useless .0, empty where they are no number or no human age."""
    return [whole_year(cell, highest) for cell in cells]


def whole_year(cell: str, highest: float) -> str:
    """One age."""
    try:
        value = float(cell)
    except ValueError:
        return ""
    return intern(f"{value:g}") if 0 <= value <= highest else ""


def age_groups(ages: Iterable[str], *, young: int, old: int) -> list[str]:
    """`<=young`, `>=old` or what lies between; empty where the age is unknown."""
    return [age_group(float(age), young, old) if age else "" for age in ages]


def age_group(age: float, young: int, old: int) -> str:
    """One age as a group."""
    if age <= young:
        return f"<={young}"
    return f">={old}" if age >= old else f"{young + 1}-{old - 1}"


def translated(cells: Iterable[str], words: dict[str, str]) -> list[str]:
    """Cells in our words; a cell that has none is unknown."""
    return [words.get(cell, "") for cell in cells]


def interned(columns: Iterable[Sequence[str]]) -> list[list[str]]:
    """Equal cells as one object: a column of few values costs its pointers alone."""
    return [[intern(cell) for cell in column] for column in columns]
