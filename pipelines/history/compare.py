"""Audits side by side: the same numbers of several runs, and what is different between the runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.evaluation.report import AuditRow
from pipelines.errors import PipelineError
from pipelines.history.changes import Move, changed_ingredients, move_of, row_key
from pipelines.history.entry import HistoryEntry
from pipelines.status import open_finished


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One number in every run.

    Attributes:
        method, split, domain, metric: What it is.
        rows: One a run; None where the run does not have it.
        moves: How each later run stands to the first one's interval; None where one of the two is missing.
    """

    method: str
    split: str
    domain: str
    metric: str
    rows: tuple[AuditRow | None, ...]
    moves: tuple[Move | None, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several audits.

    Attributes:
        names: Of the run directories, in the order given.
        rows: What the first run has, in its order.
        differences: Of each later run to the first: what is not the same.
    """

    names: tuple[str, ...]
    rows: tuple[ComparedRow, ...]
    differences: tuple[tuple[str, ...], ...]


def compare_runs(directories: Sequence[Path]) -> Comparison:
    """Audits of finished runs.

    Raises:
        PipelineError: A directory is no run, or is named twice.
        ModelsError: A run has no audit.
    """
    if len({directory.resolve() for directory in directories}) < len(directories):
        raise PipelineError("a run is named twice; name each once")
    entries = [HistoryEntry.of(open_finished(directory)) for directory in directories]
    return Comparison(
        names=tuple(str(directory) for directory in directories),
        rows=tuple(compared(entries)),
        differences=tuple(changed_ingredients(entries[0], later) for later in entries[1:]),
    )


def compared(entries: Sequence[HistoryEntry]) -> Iterator[ComparedRow]:
    """Numbers of the first audit in all of them."""
    tables = [{row_key(row): row for row in entry.rows} for entry in entries]
    for key, first in tables[0].items():
        rows = tuple(table.get(key) for table in tables)
        moves = tuple(move_of(first, row) if row else None for row in rows[1:])
        yield ComparedRow(first.method, first.split, first.domain, first.metric, rows, moves)
