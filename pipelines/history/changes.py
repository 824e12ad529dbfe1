"""What changed between two audits: data, concepts, code, seed, settings; and which numbers moved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from models.evaluation.report import AuditRow
from pipelines.history.direction import has_direction, is_worse
from pipelines.history.entry import HistoryEntry

RowKey = tuple[str, str, str, str, str]


class Move(StrEnum):
    """How a number stands to the earlier interval; `MOVED` where neither way is the better one."""

    WORSE = "worse"
    BETTER = "better"
    WITHIN = "within"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Moved:
    """One number in two audits.

    Attributes:
        earlier, later: The two rows.
        move: Other than `within` where the later value lies outside the earlier interval.
    """

    earlier: AuditRow
    later: AuditRow
    move: Move


def changed_ingredients(earlier: HistoryEntry, later: HistoryEntry) -> tuple[str, ...]:
    """Names of all that is not the same, as a reader would say them."""
    settings = differing(earlier.settings, later.settings)
    libraries = differing(earlier.versions, later.versions)
    found = [
        *differing(earlier.ingredients, later.ingredients),
        *([f"settings ({', '.join(settings)})"] if settings else []),
        *(["seed"] if earlier.seed != later.seed else []),
        *(
            [f"code ({earlier.code or 'unknown'} to {later.code or 'unknown'})"]
            if later.code != earlier.code
            else []
        ),
        *([f"libraries ({', '.join(libraries)})"] if libraries else []),
    ]
    return tuple(found)


def differing(earlier: Mapping[str, str], later: Mapping[str, str]) -> list[str]:
    """Names whose values differ, or that only one has."""
    names = [*later, *(name for name in earlier if name not in later)]
    return [name for name in names if earlier.get(name) != later.get(name)]


def moved_numbers(earlier: HistoryEntry, later: HistoryEntry) -> Iterator[Moved]:
    """Every number that both audits have."""
    before = {row_key(row): row for row in earlier.rows}
    for row in later.rows:
        old = before.get(row_key(row))
        if old is not None:
            yield Moved(old, row, move_of(old, row))


def row_key(row: AuditRow) -> RowKey:
    """What a number is of. The worst group may be another one each time: it is the same number."""
    group = "" if row.metric.startswith("worst_group") else row.group
    return row.method, row.split, row.domain, row.metric, group


def is_known(*rows: AuditRow) -> bool:
    """Whether values and intervals are numbers: NaN lies neither inside an interval nor outside of it."""
    return all(isfinite(value) for row in rows for value in (row.value, row.low, row.high))


def move_of(earlier: AuditRow, later: AuditRow) -> Move:
    """Where the later value lies to the earlier interval; `MOVED` where there is no such number."""
    if not is_known(earlier, later):
        return Move.MOVED
    if earlier.low <= later.value <= earlier.high:
        return Move.WITHIN
    if not has_direction(earlier.metric, earlier.domain):
        return Move.MOVED
    return Move.WORSE if is_worse(earlier, later) else Move.BETTER
