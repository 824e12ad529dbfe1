"""Methods by domains under one metric, as cells and as dots."""

from dataclasses import dataclass

from models.evaluation.audit import AuditRow, PairedTest
from pipelines.report.index import AuditIndex, ordered
from pipelines.report.methods import describe
from pipelines.report.tracks import Track, row_dot
from pipelines.report.wording import ABSENT, DOMAINS, METRICS, interval, number, signed, signed_interval


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
class PairedTable:
    """KnoBo minus each other method under one metric; each row is a name and its cells."""

    metric: str
    domains: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


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


def paired_tables(index: AuditIndex, split: str) -> tuple[PairedTable, ...]:
    """One table a metric, of every paired test on the split."""
    tests = [test for test in index.audit.paired if test.split == split]
    tables = []
    for metric in ordered((test.metric for test in tests), METRICS):
        mine = [test for test in tests if test.metric == metric]
        domains = ordered((test.domain for test in mine), DOMAINS)
        cells = {(test.method, test.reference, test.domain): difference_cell(test) for test in mine}
        pairs = dict.fromkeys((test.method, test.reference) for test in mine)
        rows = tuple(
            (
                f"{describe(method).label} minus {describe(reference).label.lower()}",
                tuple(cells.get((method, reference, domain), Cell(ABSENT)) for domain in domains),
            )
            for method, reference in pairs
        )
        heads = tuple(DOMAINS.get(domain, domain) for domain in domains)
        tables.append(PairedTable(METRICS.get(metric, metric), heads, rows))
    return tuple(tables)


def difference_cell(test: PairedTest | None) -> Cell:
    """An empty place is a dash."""
    if test is None:
        return Cell(ABSENT)
    return Cell(signed(test.difference), signed_interval(test.low, test.high))
