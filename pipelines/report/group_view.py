"""How each method does in each group of patients or images, and in which it does worst."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from models.evaluation.report import AuditRow
from pipelines.report.index import MEAN, WORST, AuditIndex, of_all, ordered
from pipelines.report.method_table import Cell, cell
from pipelines.report.methods import MAIN, by_kind, describe
from pipelines.report.tracks import Track, row_dot
from pipelines.report.wording import DOMAINS, METRICS, plain

ODDS, POOLED = "equalised_odds_difference", "pooled"
METRIC = "accuracy"
"""Drawn by group; the others stand in the table of all numbers."""
FEW = 30
"""Images below which a group's number says little."""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One method in one group."""

    method: str
    label: str
    kind: str
    split: str
    attribute: str
    value: str
    track: Track
    in_domain: Cell
    shifted: Cell
    images: str
    few: bool


@dataclass(frozen=True, slots=True)
class WorstLine:
    """One method's worst group in one split, under shift and with the domains pooled."""

    label: str
    split: str
    group: str
    worst: Cell
    pooled_group: str
    pooled: Cell


@dataclass(frozen=True, slots=True)
class OddsLine:
    """How far the groups of one attribute are apart for one method."""

    label: str
    split: str
    attribute: str
    in_domain: Cell
    shifted: Cell
    pooled: Cell


@dataclass(frozen=True, slots=True)
class GroupNumber:
    """One number of a group under any metric."""

    label: str
    split: str
    group: str
    metric: str
    in_domain: Cell
    shifted: Cell


@dataclass(frozen=True, slots=True)
class GroupView:
    """The section.

    Attributes:
        metric: Of the drawing.
        main: The methods drawn.
        lines: By split, attribute, value and method.
        worst: By split and method.
        odds: Equalised-odds differences by split, method and attribute.
        numbers: All other numbers by group.
    """

    metric: str
    main: str
    lines: tuple[GroupLine, ...]
    worst: tuple[WorstLine, ...]
    odds: tuple[OddsLine, ...]
    numbers: tuple[GroupNumber, ...]


def group_view(index: AuditIndex) -> GroupView | None:
    """None where nothing was measured by group."""
    rows = [row for row in index.audit.rows if not of_all(row) and row.metric != ODDS]
    worst = tuple(worst_lines(index))
    if not rows and not worst:
        return None
    found = {(row.split, row.group, row.method, row.metric, row.domain): row for row in rows}
    keys = list(dict.fromkeys(key[:4] for key in found))
    methods = by_kind(ordered((method for _, _, method, _ in keys), index.methods))
    drawn = [method for method in methods if method in MAIN] or list(methods)
    places = dict.fromkeys((split, group) for split, group, _, _ in keys)
    known = frozenset(keys)
    return GroupView(
        METRICS[METRIC],
        ", ".join(describe(method).label for method in drawn),
        tuple(
            group_line(split, group, method, found)
            for split, group in places
            for method in drawn
            if (split, group, method, METRIC) in known
        ),
        worst,
        tuple(odds_lines(index)),
        tuple(
            group_number(split, group, method, metric, found)
            for split, group, method, metric in keys
            if not (metric == METRIC and method in drawn)
        ),
    )


Found = dict[tuple[str, str, str, str, str], AuditRow]


def group_line(split: str, group: str, method: str, found: Found) -> GroupLine:
    """One line of the drawing."""
    before, after = (found.get((split, group, method, METRIC, domain)) for domain in ("in_domain", "shifted"))
    facts, (attribute, _, value) = describe(method), group.partition("=")
    counted = [row.n for row in (before, after) if row]
    return GroupLine(
        method,
        facts.label,
        facts.kind,
        split,
        plain(attribute),
        value,
        Track(row_dot(before), row_dot(after)),
        cell(before),
        cell(after),
        " and ".join(f"{n:,}" for n in counted),
        min(counted, default=0) < FEW,
    )


def group_number(split: str, group: str, method: str, metric: str, found: Found) -> GroupNumber:
    """One line of the table of all numbers."""
    before, after = (found.get((split, group, method, metric, domain)) for domain in ("in_domain", "shifted"))
    return GroupNumber(
        describe(method).label,
        split,
        group_name(group),
        METRICS.get(metric, plain(metric)),
        cell(before),
        cell(after),
    )


def group_name(group: str) -> str:
    """`age group: over 60`."""
    attribute, _, value = group.partition("=")
    value = plain(value)
    return f"{plain(attribute)}: {value}" if value else plain(group)


def worst_lines(index: AuditIndex) -> Iterable[WorstLine]:
    """Of every method and split that has groups."""
    for split in (*index.splits, MEAN):
        for method in index.methods:
            worst, pooled = (index.row(method, split, domain, WORST) for domain in ("shifted", POOLED))
            worst = worst or index.row(method, split, "in_domain", WORST)
            if worst is None and pooled is None:
                continue
            yield WorstLine(
                describe(method).label,
                split,
                f"{group_name(worst.group)}{of_domain(worst)}" if worst and worst.group else "",
                cell(worst),
                group_name(pooled.group) if pooled and pooled.group else "",
                cell(pooled),
            )


def of_domain(row: AuditRow) -> str:
    """Said where it is not the shifted domain."""
    return f" ({DOMAINS[row.domain]})" if row.domain != "shifted" and math.isfinite(row.value) else ""


def odds_lines(index: AuditIndex) -> Iterable[OddsLine]:
    """In the order of the audit."""
    rows = {
        (row.split, row.method, row.group, row.domain): row for row in index.audit.rows if row.metric == ODDS
    }
    known = dict.fromkeys(key[:3] for key in rows)
    for split, method, attribute in known:
        cells = (
            cell(rows.get((split, method, attribute, domain))) for domain in ("in_domain", "shifted", POOLED)
        )
        yield OddsLine(describe(method).label, split, plain(attribute), *cells)
