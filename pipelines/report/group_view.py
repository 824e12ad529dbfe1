"""How each method does in each group of patients or images, and in which it does worst."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from models.evaluation.report import AuditRow
from pipelines.report.index import GROUP_METRICS, MEAN, AuditIndex, of_all, ordered
from pipelines.report.method_table import Cell, cell
from pipelines.report.methods import MAIN, by_kind, describe
from pipelines.report.tracks import Track, row_dot
from pipelines.report.wording import DOMAINS, METRICS, plain

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
    """One method's worst group and distance between groups in one split."""

    label: str
    split: str
    group: str
    worst: Cell
    odds: Cell


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
        worst: Under shift, by split and method.
        numbers: All other numbers by group.
    """

    metric: str
    main: str
    lines: tuple[GroupLine, ...]
    worst: tuple[WorstLine, ...]
    numbers: tuple[GroupNumber, ...]


def group_view(index: AuditIndex) -> GroupView | None:
    """None where nothing was measured by group."""
    rows = [row for row in index.audit.rows if not of_all(row)]
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
    return f"{plain(attribute)}: {value}" if value else plain(group)


def worst_lines(index: AuditIndex) -> Iterable[WorstLine]:
    """Under shift where it was measured, else in domain."""
    for split in (*index.splits, MEAN):
        for method in index.methods:
            worst, odds = (
                index.row(method, split, "shifted", metric) or index.row(method, split, "in_domain", metric)
                for metric in GROUP_METRICS
            )
            if worst is None and odds is None:
                continue
            named = worst.group if worst else ""
            yield WorstLine(
                describe(method).label,
                "mean" if split == MEAN else split,
                f"{group_name(named)}{of_domain(worst)}" if named else "",
                cell(worst),
                cell(odds),
            )


def of_domain(row: AuditRow | None) -> str:
    """Said where it is not the shifted domain."""
    return f" ({DOMAINS[row.domain]})" if row and row.domain != "shifted" and math.isfinite(row.value) else ""
