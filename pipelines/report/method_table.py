"""Methods by domains under one metric, as cells and as dots."""

from dataclasses import dataclass

from models.evaluation.report import MCNEMAR, AuditRow, PairedTest
from pipelines.report.index import AuditIndex, difference_mark, ordered, row_mark
from pipelines.report.methods import MAIN, by_kind, describe
from pipelines.report.tracks import Track, row_dot
from pipelines.report.wording import (
    ABSENT,
    DOMAINS,
    MAIN_METRICS,
    METRICS,
    interval,
    number,
    p_value,
    signed,
    signed_interval,
    uncapitalised,
)

FEW = 8
"""Methods that fit one table without hiding what it is for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its interval beside or below it; `of` marks where in `audit.json` it stands.

    Attributes:
        note: What else is to be said of the value, e.g. its p value.
    """

    value: str
    interval: str = ""
    of: str = ""
    note: str = ""


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
    """All methods on one split under one metric, by kind; a `main` metric has a table of its own."""

    metric: str
    rows: tuple[MethodRow, ...]
    main: bool

    @property
    def shown(self) -> tuple[MethodRow, ...]:
        """Those that stand first where there are many; all where there are few."""
        main = tuple(row for row in self.rows if row.method in MAIN)
        return main if main and len(self.rows) > FEW else self.rows

    @property
    def folded(self) -> tuple[MethodRow, ...]:
        """All others."""
        return tuple(row for row in self.rows if row not in self.shown)


@dataclass(frozen=True, slots=True)
class PairedRow:
    """`method` minus `reference`; the kind is that of the reference."""

    label: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class PairedTable:
    """KnoBo minus each other method under one metric, by kind."""

    metric: str
    domains: tuple[str, ...]
    rows: tuple[PairedRow, ...]

    @property
    def corrected(self) -> bool:
        """Whether p values stand beside the differences."""
        return any(cell.note for row in self.rows for cell in row.cells)


@dataclass(frozen=True, slots=True)
class ExactTest:
    """One of McNemar's tests, which looks at the images on which two methods differ."""

    label: str
    metric: str
    domain: str
    difference: str
    p: str
    p_holm: str


def exact_tests(index: AuditIndex, split: str) -> tuple[ExactTest, ...]:
    """All of a split, in the order of the audit."""
    return tuple(
        ExactTest(
            pair_label(test.method, test.reference),
            METRICS.get(test.metric, test.metric),
            DOMAINS.get(test.domain, test.domain),
            signed(test.difference),
            p_value(test.p),
            p_value(test.p_holm),
        )
        for test in index.audit.paired
        if test.test == MCNEMAR and test.split == split and not test.group
    )


def pair_label(method: str, reference: str) -> str:
    """`KnoBo minus linear probe`."""
    return f"{describe(method).label} minus {uncapitalised(describe(reference).label)}"


def metric_tables(index: AuditIndex, split: str) -> tuple[MetricTable, ...]:
    """One table a metric, the headline's metric first."""
    tables = (
        MetricTable(
            METRICS.get(metric, metric),
            tuple(method_row(index, split, method, metric) for method in index.measured(split, metric)),
            metric in (index.metric, *MAIN_METRICS),
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
    if row is None:
        return Cell(ABSENT)
    return Cell(number(row.value), interval(row.low, row.high), row_mark(row))


def paired_tables(index: AuditIndex, split: str) -> tuple[PairedTable, ...]:
    """One table a metric, of every paired test on the split."""
    tests = [test for test in index.tests.values() if test.split == split]
    tables = []
    for metric in ordered((test.metric for test in tests), METRICS):
        mine = [test for test in tests if test.metric == metric]
        domains = ordered((test.domain for test in mine), DOMAINS)
        cells = {(test.method, test.reference, test.domain): difference_cell(test) for test in mine}
        pairs = dict.fromkeys((test.method, test.reference) for test in mine)
        references = by_kind(ordered((reference for _, reference in pairs), index.methods))
        rows = tuple(
            PairedRow(
                pair_label(method, reference),
                describe(reference).kind,
                tuple(cells.get((method, reference, domain), Cell(ABSENT)) for domain in domains),
            )
            for reference in references
            for method, other in pairs
            if other == reference
        )
        heads = tuple(DOMAINS.get(domain, domain) for domain in domains)
        tables.append(PairedTable(METRICS.get(metric, metric), heads, rows))
    return tuple(tables)


def difference_cell(test: PairedTest | None) -> Cell:
    """An empty place is a dash."""
    if test is None:
        return Cell(ABSENT)
    return Cell(
        signed(test.difference),
        signed_interval(test.low, test.high),
        difference_mark(test),
        f"{p_value(test.p_holm)}, Holm" if test.family else "",
    )
