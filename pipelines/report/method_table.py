"""Methods by domains under one metric, as cells and as dots."""

from dataclasses import dataclass

from models.evaluation.audit import AuditRow
from pipelines.report.index import AuditIndex
from pipelines.report.tracks import Track, row_dot
from pipelines.report.wording import (
    ABSENT,
    DOMAINS,
    METRICS,
    describe,
    interval,
    number,
    signed,
    signed_interval,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its interval beside or below it."""

    value: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One method; `cells` follow the order of `DOMAINS`, `words` say what the dots show."""

    method: str
    label: str
    kind: str
    cells: tuple[Cell, ...]
    track: Track
    words: str


@dataclass(frozen=True, slots=True)
class MetricTable:
    """All methods on one split under one metric."""

    metric: str
    rows: tuple[MethodRow, ...]


@dataclass(frozen=True, slots=True)
class PairedRow:
    """One paired test."""

    comparison: str
    metric: str
    domain: str
    difference: Cell


def metric_tables(index: AuditIndex, split: str) -> tuple[MetricTable, ...]:
    """One table a metric, the headline's metric first."""
    tables = (
        MetricTable(
            METRICS.get(metric, metric),
            tuple(method_row(index, split, method, metric) for method in index.measured(split, metric)),
        )
        for metric in index.metrics
    )
    return tuple(table for table in tables if table.rows)


def method_row(index: AuditIndex, split: str, method: str, metric: str) -> MethodRow:
    """One line of such a table."""
    facts = describe(method)
    rows = {domain: index.row(method, split, domain, metric) for domain in DOMAINS}
    words = ", ".join(
        f"{DOMAINS[domain]} {number(row.value)}"
        for domain in ("in_domain", "shifted")
        if (row := rows[domain])
    )
    return MethodRow(
        method,
        facts.label,
        facts.kind,
        tuple(cell(row) for row in rows.values()),
        Track(row_dot(rows["in_domain"]), row_dot(rows["shifted"])),
        f"{facts.label}: {words}",
    )


def cell(row: AuditRow | None) -> Cell:
    """An empty place is a dash."""
    return Cell(ABSENT) if row is None else Cell(number(row.value), interval(row.low, row.high))


def paired_rows(index: AuditIndex, split: str) -> tuple[PairedRow, ...]:
    """Every paired test on the split."""
    return tuple(
        PairedRow(
            f"{describe(test.method).label} minus {describe(test.reference).label}",
            METRICS.get(test.metric, test.metric),
            DOMAINS.get(test.domain, test.domain),
            Cell(signed(test.difference), signed_interval(test.low, test.high)),
        )
        for test in index.audit.paired
        if test.split == split
    )
