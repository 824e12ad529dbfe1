"""One number of every audit of a run, in the order in which they were made."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.evaluation.report import AuditRow
from pipelines.errors import PipelineError
from pipelines.history.changes import Move, changed_ingredients, move_of
from pipelines.history.entry import HistoryEntry
from pipelines.history.store import read_histories
from pipelines.report.summary import cell

MEAN = "mean"
MEASURED = ("in_domain", "shifted", "gap")
COLUMNS = ("finished", "in domain", "shifted", "gap", "to the audit before", "changed")


@dataclass(frozen=True, slots=True)
class Point:
    """One audit.

    Attributes:
        finished: UTC.
        in_domain, shifted, gap: None where not measured.
        move: How `shifted` stands to the interval of the audit before (`in_domain` where nothing is shifted);
            None for the first.
        changed: What is not as in the audit before.
    """

    finished: str
    in_domain: AuditRow | None
    shifted: AuditRow | None
    gap: AuditRow | None
    move: Move | None
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """All audits of one run.

    Attributes:
        run: Its name.
        method, split, metric: What is followed.
        points: The oldest first.
    """

    run: str
    method: str
    split: str
    metric: str
    points: tuple[Point, ...]

    @property
    def scope(self) -> str:
        """What is followed, in words."""
        where = "mean over the splits" if self.split == MEAN else self.split
        return f"({self.metric} of {self.method}, {where})"

    def table(self) -> list[tuple[str, ...]]:
        """Cells under `COLUMNS`."""
        return [
            (
                point.finished[:16].replace("T", " "),
                cell(point.in_domain),
                cell(point.shifted),
                cell(point.gap),
                point.move or "first",
                ", ".join(point.changed) or ("" if point.move is None else "nothing"),
            )
            for point in self.points
        ]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def trends(runs: Path, *, run: str | None, method: str, metric: str) -> tuple[Trend, ...]:
    """The trend of every run in a folder, or of one.

    Raises:
        PipelineError: No history, no such run, or a number that no audit of it has.
    """
    histories = read_histories(runs)
    if run is not None and run not in histories:
        raise PipelineError(f"{runs} has no history of {run!r}; there is one of {', '.join(histories)}")
    chosen = histories if run is None else {run: histories[run]}
    return tuple(trend_of(entries, method=method, metric=metric) for entries in chosen.values())


def trend_of(entries: Sequence[HistoryEntry], *, method: str, metric: str) -> Trend:
    """The numbers of one run; of the mean over splits where the latest audit has one."""
    latest = entries[-1]
    splits = dict.fromkeys(row.split for row in latest.rows if (row.method, row.metric) == (method, metric))
    if not splits:
        methods, metrics = ({getattr(row, name) for row in latest.rows} for name in ("method", "metric"))
        raise PipelineError(
            f"the latest audit of {latest.run} has no {metric} of {method}; "
            f"methods are {', '.join(sorted(methods))} and metrics {', '.join(sorted(metrics))}"
        )
    split = MEAN if MEAN in splits else next(iter(splits))
    points = tuple(points_of(entries, (method, split, metric)))
    return Trend(latest.run, method, split, metric, points)


def points_of(entries: Sequence[HistoryEntry], what: tuple[str, str, str]) -> Iterator[Point]:
    """One an audit."""
    before: HistoryEntry | None = None
    watched: AuditRow | None = None
    for entry in entries:
        rows = {row.domain: row for row in entry.rows if (row.method, row.split, row.metric) == what}
        inside, shifted, gap = (rows.get(domain) for domain in MEASURED)
        now = shifted or inside
        move = move_of(watched, now) if watched and now and watched.domain == now.domain else None
        yield Point(
            entry.finished, inside, shifted, gap, move, changed_ingredients(before, entry) if before else ()
        )
        before, watched = entry, now
