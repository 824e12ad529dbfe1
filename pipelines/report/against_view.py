"""KnoBo beside the linear probe, and beside every method that could refute what is claimed for it."""

from dataclasses import dataclass

from pipelines.report.index import AuditIndex, difference_mark, row_mark
from pipelines.report.method_table import Cell, difference_cell
from pipelines.report.methods import describe
from pipelines.report.reading import reading
from pipelines.report.wording import ABSENT, number, signed, signed_interval


@dataclass(frozen=True, slots=True)
class Tile:
    """One domain: the two values and their paired difference, which is empty where it was not made."""

    title: str
    knobo: Cell
    reference: Cell
    difference: Cell
    reading: str


@dataclass(frozen=True, slots=True)
class Control:
    """A method beside KnoBo: what it tells, and KnoBo's distance to it on the shifted images."""

    label: str
    kind: str
    tells: str
    in_domain: Cell
    shifted: Cell
    difference: Cell
    reading: str


def tiles(index: AuditIndex) -> list[Tile]:
    """Shifted, in domain and average, as far as both were measured."""
    domains = (("shifted", "Shifted domain"), ("in_domain", "In domain"), ("average", "Average of both"))
    return [
        tile(index, domain, title)
        for domain, title in domains
        if index.headline_row("knobo", domain) and index.headline_row("linear_probe", domain)
    ]


def tile(index: AuditIndex, domain: str, title: str) -> Tile:
    """One of them."""
    test = index.test("knobo", "linear_probe", index.scope, domain, index.metric)
    return Tile(
        title,
        headline_value(index, "knobo", domain, digits=2),
        headline_value(index, "linear_probe", domain, digits=2),
        Cell(
            signed(test.difference, digits=2),
            signed_interval(test.low, test.high, digits=2),
            difference_mark(test),
        )
        if test
        else Cell(""),
        reading(test),
    )


def controls(index: AuditIndex) -> list[Control]:
    """Every method but KnoBo."""
    return [control(index, method) for method in index.methods if method != "knobo"]


def control(index: AuditIndex, method: str) -> Control:
    """One of them."""
    facts = describe(method)
    test = index.test("knobo", method, index.scope, "shifted", index.metric)
    return Control(
        facts.label,
        facts.kind,
        facts.tells,
        headline_value(index, method, "in_domain"),
        headline_value(index, method, "shifted"),
        difference_cell(test),
        reading(test),
    )


def headline_value(index: AuditIndex, method: str, domain: str, *, digits: int = 3) -> Cell:
    """One value without its interval."""
    row = index.headline_row(method, domain)
    return Cell(number(row.value, digits=digits), of=row_mark(row)) if row else Cell(ABSENT)
