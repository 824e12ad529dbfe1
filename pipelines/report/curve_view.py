"""Calibration and decision curves of the headline methods, in domain beside shifted."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import TypeVar

from models.evaluation.report import DecisionCurve, ReliabilityCurve
from pipelines.report.index import AuditIndex, ordered
from pipelines.report.methods import describe
from pipelines.report.plot import Plot, PlotLine, plot_line, ticks_across, ticks_up
from pipelines.report.tracks import UNIT, Scale
from pipelines.report.wording import DOMAINS, interval, number

C = TypeVar("C", ReliabilityCurve, DecisionCurve)
FEW = 6
QUARTERS = (0, 0.25, 0.5, 0.75, 1)
STEP = 0.1
DIAGONAL = (0.0, 1.0)
LOWEST = -0.2
"""Net benefit below which a curve is cut off: how far below nothing tells no one more."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One place of a curve in numbers; `of` marks where in `audit.json` it stands."""

    domain: str
    x: str
    y: str
    interval: str
    beside: str
    of: str


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """One method on one split; `points` are the drawing in numbers."""

    method: str
    split: str
    plot: Plot
    points: tuple[CurvePoint, ...]
    words: str


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """From which probability a method says the positive class."""

    label: str
    split: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class CurveView:
    """Panels by split, then method; `few` of a kind are shown, the others folded."""

    reliability: tuple[CurvePanel, ...]
    decisions: tuple[CurvePanel, ...]
    few: int = FEW


def curve_view(index: AuditIndex) -> CurveView | None:
    """None where no curve was measured."""
    audit = index.audit
    if not (audit.reliability or audit.decisions):
        return None
    return CurveView(
        tuple(reliability_panel(each) for each in grouped(index, audit.reliability)),
        tuple(decision_panel(each) for each in grouped(index, audit.decisions)),
    )


def threshold_views(index: AuditIndex) -> tuple[ThresholdView, ...]:
    """In the order of the audit."""
    return tuple(
        ThresholdView(
            describe(each.method).label,
            each.split,
            number(each.value),
            "validation images" if each.source == "validation" else "none: 0.5 by default",
        )
        for each in index.audit.thresholds
    )


def grouped(index: AuditIndex, curves: Sequence[C]) -> list[list[C]]:
    """Curves that share a panel."""
    splits = ordered((curve.split for curve in curves), index.splits)
    methods = ordered((curve.method for curve in curves), index.methods)
    panels = [
        [curve for curve in curves if (curve.split, curve.method) == (split, method)]
        for split in splits
        for method in methods
    ]
    return [panel for panel in panels if panel]


def style(domain: str) -> str:
    """Class of the style sheet."""
    return "shifted" if domain == "shifted" else "in-domain"


def reliability_panel(curves: Sequence[ReliabilityCurve]) -> CurvePanel:
    """Observed share over the probability said; on the diagonal both agree."""
    lines = [plot_line("reference", "", DIAGONAL, DIAGONAL, width=UNIT, height=UNIT)]
    lines += [
        plot_line(
            style(curve.domain),
            DOMAINS.get(curve.domain, curve.domain),
            curve.confidence,
            curve.observed,
            width=UNIT,
            height=UNIT,
            band=(curve.low, curve.high),
            marked=True,
        )
        for curve in curves
    ]
    points = tuple(
        CurvePoint(
            DOMAINS.get(curve.domain, curve.domain),
            number(x, digits=2),
            number(y, digits=2),
            interval(low, high, digits=2),
            f"{n:,}",
            point_mark("reliability", curve, place),
        )
        for curve in curves
        for place, (x, y, low, high, n) in enumerate(
            zip(curve.confidence, curve.observed, curve.low, curve.high, curve.n, strict=True)
        )
    )
    plot = Plot(tuple(lines), ticks_across(UNIT, QUARTERS), ticks_up(UNIT, QUARTERS))
    return panel(curves[0], plot, points, "said {x}, observed {y}")


def decision_panel(curves: Sequence[DecisionCurve]) -> CurvePanel:
    """Net benefit over the threshold, beside acting on every image and on none."""
    values = [
        value for curve in curves for value in (*curve.net_benefit, *curve.treat_all) if isfinite(value)
    ]
    top = max(ceil(round(max(values, default=STEP) / STEP, 9)) * STEP, STEP)
    height = Scale(LOWEST, top)
    lines: list[PlotLine] = [plot_line("reference", "", (0.0, 1.0), (0.0, 0.0), width=UNIT, height=height)]
    for curve in curves:
        domain = DOMAINS.get(curve.domain, curve.domain)
        above = [place for place, value in enumerate(curve.treat_all) if value >= LOWEST]
        within = [place for place, value in enumerate(curve.net_benefit) if value >= LOWEST]
        lines += [
            plot_line(
                f"{style(curve.domain)} all",
                "",
                [curve.threshold[place] for place in above],
                [curve.treat_all[place] for place in above],
                width=UNIT,
                height=height,
            ),
            plot_line(
                style(curve.domain),
                domain,
                [curve.threshold[place] for place in within],
                [curve.net_benefit[place] for place in within],
                width=UNIT,
                height=height,
                band=([curve.low[place] for place in within], [curve.high[place] for place in within]),
            ),
        ]
    points = tuple(
        CurvePoint(
            DOMAINS.get(curve.domain, curve.domain),
            number(curve.threshold[place], digits=2),
            number(curve.net_benefit[place]),
            interval(curve.low[place], curve.high[place]),
            number(curve.treat_all[place]),
            point_mark("decisions", curve, place),
        )
        for curve in curves
        for place in listed_places(len(curve.threshold))
    )
    steps = [round(LOWEST + STEP * step, 9) for step in range(round((top - LOWEST) / STEP) + 1)]
    plot = Plot(tuple(lines), ticks_across(UNIT, QUARTERS), ticks_up(height, steps))
    return panel(curves[0], plot, points, "threshold {x}, net benefit {y}")


def point_mark(kind: str, curve: ReliabilityCurve | DecisionCurve, place: int) -> str:
    """`decisions|knobo|iu-view|shifted|9`: the list in `audit.json`, the curve, and the place in it."""
    return f"{kind}|{curve.method}|{curve.split}|{curve.domain}|{place}"


def listed_places(n: int) -> range:
    """About ten of them, evenly."""
    step = max(1, round(n / 10))
    return range(step - 1, n, step)


def panel(
    curve: ReliabilityCurve | DecisionCurve, plot: Plot, points: tuple[CurvePoint, ...], form: str
) -> CurvePanel:
    """With the drawing in a sentence for those who cannot see it: both ends and the middle."""
    label = describe(curve.method).label
    said = []
    for domain in dict.fromkeys(point.domain for point in points):
        mine = [point for point in points if point.domain == domain]
        chosen = dict.fromkeys((mine[0], mine[len(mine) // 2], mine[-1]))
        said.append(f"{domain}: {'; '.join(form.format(x=each.x, y=each.y) for each in chosen)}")
    return CurvePanel(label, curve.split, plot, points, f"{label} on {curve.split}. {'. '.join(said)}")
