"""What setting concepts to the truth is worth: accuracy over the number of concepts set, split by split."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from models.what_if.interventions import Band
from pipelines.report.index import ordered
from pipelines.report.input import ReportInput
from pipelines.report.plot import Plot, plot_line, ticks_across, ticks_up
from pipelines.report.tracks import Scale
from pipelines.report.wording import (
    DOMAINS,
    count,
    interval,
    number,
    plain,
    signed,
    signed_interval,
)
from pipelines.what_if.curve_report import OTHERS, DomainCurve, listed_steps

FEW = 6
"""Drawings shown; the others are folded."""
STEP = 0.1
TICKS = 5
STRIDES = (1, 2, 5, 10, 20, 50, 100)
NAMES = {
    "contribution": "by contribution",
    "uncertainty": "by uncertainty",
    "random": "at random",
    OTHERS: OTHERS,
}
STYLES = {"contribution": "order-contribution", "uncertainty": "order-uncertainty", "random": "order-random"}
CONTROL = "order-others"
SOME = 5
"""Answers that a reader may have the time for."""
FIRST = "contribution"
"""The order of which the interval is drawn."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """After one count of answers."""

    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class StepLine:
    """One row of the numbers of a drawing: a count of answers, or what all of them change."""

    head: str
    cells: tuple[Accuracy, ...]


@dataclass(frozen=True, slots=True)
class InterventionPanel:
    """One domain of one split; `steps` are the drawing in numbers, a cell for each of `heads`."""

    split: str
    domain: str
    plot: Plot
    heads: tuple[str, ...]
    steps: tuple[StepLine, ...]
    note: str
    words: str


@dataclass(frozen=True, slots=True)
class InterventionView:
    """The section.

    Attributes:
        leading: On how many splits the answers help or harm.
        levels: What a yes and a no are set to.
        panels: Shifted images first, for they are what a reader asks of; `few` are shown.
        missing: What is not drawn, and why.
        notes: Sentences a reader must know.
    """

    leading: str
    levels: str
    panels: tuple[InterventionPanel, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    few: int = FEW


def intervention_view(report: ReportInput) -> InterventionView | None:
    """None where interventions were not looked at."""
    found = report.interventions
    if found is None:
        return None
    groups = grouped(found.curves)
    height = height_of(found.curves)
    width = Scale(0.0, max((float(last_of(each)) for each in found.curves), default=1.0))
    return InterventionView(
        leading_sentence(found.curves),
        found.levels,
        tuple(panel(each, width=width, height=height) for each in groups),
        tuple(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in found.missing),
        found.notes,
    )


def grouped(curves: Sequence[DomainCurve]) -> list[list[DomainCurve]]:
    """Curves that share a drawing, by split; shifted first, and the orders as named above."""
    found = []
    for split in dict.fromkeys(each.split for each in curves):
        for domain in ("shifted", "in_domain"):
            mine = {
                each.curve.policy: each for each in curves if (each.split, each.domain) == (split, domain)
            }
            if mine:
                found.append([mine[name] for name in ordered(mine, NAMES)])
    return found


def last_of(each: DomainCurve) -> int:
    """Most answers that an image got."""
    return len(each.curve.accuracy.value) - 1


def height_of(curves: Sequence[DomainCurve]) -> Scale:
    """Of all drawings alike: wide enough for every line and band, in steps."""
    bands = [each.curve.accuracy for each in curves]
    ends = [end for band in bands for end in (*band.value, *band.low, *band.high) if end == end]  # noqa: PLR0124 - nan
    low = floor(round(min(ends, default=0.0) / STEP, 9)) * STEP
    high = ceil(round(max(ends, default=1.0) / STEP, 9)) * STEP
    return Scale(round(low, 9), round(max(high, low + STEP), 9))


def leading_sentence(curves: Sequence[DomainCurve]) -> str:
    """On how many splits the interval of the gain leaves out zero, after a few answers and after all."""
    mine = [each for each in curves if each.curve.policy == FIRST]
    if not mine:
        return ""
    found = f"with all answers {where_it_moves(mine, None)}"
    if max(last_of(each) for each in mine) > SOME:
        found = f"with {SOME} answers {where_it_moves(mine, SOME)}; {found}"
    return f"{found[0].upper()}{found[1:]}. Counted are changes whose interval leaves out zero."


def where_it_moves(curves: Sequence[DomainCurve], step: int | None) -> str:
    """`it rises on 2 and falls on 0 of 3 splits on shifted images, ...`; after all answers if None."""
    parts = []
    for domain, images in (("shifted", "on shifted images"), ("in_domain", "in domain")):
        mine = [each for each in curves if each.domain == domain]
        places = [last_of(each) if step is None else min(step, last_of(each)) for each in mine]
        rises = sum(each.curve.gain.low[place] > 0 for each, place in zip(mine, places, strict=True))
        falls = sum(each.curve.gain.high[place] < 0 for each, place in zip(mine, places, strict=True))
        if mine:
            parts.append(f"it rises on {rises} and falls on {falls} of {count(len(mine), 'split')} {images}")
    return ", ".join(parts)


def panel(curves: Sequence[DomainCurve], *, width: Scale, height: Scale) -> InterventionPanel:
    """With the drawing in words for those who cannot see it."""
    first, last = curves[0], last_of(curves[0])
    domain = DOMAINS.get(first.domain, first.domain)
    lines = tuple(
        plot_line(
            STYLES.get(each.curve.policy, CONTROL),
            name_of(each),
            [float(place) for place in range(last_of(each) + 1)],
            each.curve.accuracy.value,
            width=width,
            height=height,
            band=(each.curve.accuracy.low, each.curve.accuracy.high) if each.curve.policy == FIRST else None,
        )
        for each in reversed(curves)
    )
    ends = "; ".join(
        f"{name_of(each)} from {number(each.curve.accuracy.value[0], digits=2)} "
        f"to {number(each.curve.accuracy.value[-1], digits=2)}"
        for each in curves
    )
    gains = "; ".join(
        f"{name_of(each)} {gain_text(each)}" for each in curves if each.curve.policy in {FIRST, OTHERS}
    )
    return InterventionPanel(
        first.split,
        domain,
        Plot(lines, ticks_across(width, strides(width)), ticks_up(height, heights(height))),
        tuple(name_of(each) for each in curves),
        (
            *(
                StepLine(str(step), tuple(after(each.curve.accuracy, step) for each in curves))
                for step in listed_steps(last)
            ),
            StepLine(f"Change by {last}", tuple(change(each) for each in curves)),
        ),
        f"{count(first.curve.n, 'image')}, {number(first.curve.known, digits=1)} answers each."
        + (f" Change after {last}: {gains}." if gains else ""),
        f"Accuracy on {first.split}, {domain}, with up to {count(last, 'concept')} set to the truth. {ends}",
    )


def name_of(each: DomainCurve) -> str:
    """Of the order, as a reader would say it."""
    return NAMES.get(each.curve.policy, plain(each.curve.policy))


def after(band: Band, step: int) -> Accuracy:
    """Accuracy after a count of answers."""
    return Accuracy(number(band.value[step]), interval(band.low[step], band.high[step]))


def change(each: DomainCurve) -> Accuracy:
    """Of all answers."""
    gain = each.curve.gain
    return Accuracy(signed(gain.value[-1]), signed_interval(gain.low[-1], gain.high[-1]))


def gain_text(each: DomainCurve) -> str:
    """`+0.031 (+0.012 to +0.050)`."""
    found = change(each)
    return f"{found.value} ({found.interval})"


def strides(width: Scale) -> list[float]:
    """Counts below a drawing, few and round."""
    stride = next((each for each in STRIDES if width.high <= TICKS * each), STRIDES[-1])
    return [float(place) for place in range(0, round(width.high) + 1, stride)]


def heights(height: Scale) -> list[float]:
    """In steps, or every second where there are many."""
    steps = round((height.high - height.low) / STEP)
    return [round(height.low + STEP * place, 9) for place in range(0, steps + 1, 1 if steps <= TICKS else 2)]
