"""Drawing of how accuracy moves with the number of concepts that are kept, by three orders of concepts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING

from pipelines.report.tracks import Scale, Tick
from pipelines.report.wording import number

if TYPE_CHECKING:  # it brings every method with it
    from models.acquisition.concept_choice import Choice

RULES = {"auroc": "AUROC over all images", "worst_cell": "AUROC in the worst cell", "random": "at random"}
STEP = 0.1
"""Between the lines of the grid."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place, with the value in words."""

    x: str
    y: str
    words: str


@dataclass(frozen=True, slots=True)
class ChoiceLine:
    """One order of concepts; segments join neighbours."""

    rule: str
    label: str
    points: tuple[Point, ...]
    segments: tuple[tuple[Point, Point], ...]


@dataclass(frozen=True, slots=True)
class ChoicePanel:
    """One domain; all panels share their scales.

    Attributes:
        title: Of the domain.
        lines: One an order.
        across, up: Ticks; `x` of those that go up is a height.
        words: The drawing for those who cannot see it.
    """

    title: str
    lines: tuple[ChoiceLine, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    words: str


def choice_panels(choices: Sequence["Choice"]) -> tuple[ChoicePanel, ...]:
    """In domain and shifted, or nothing where no choice was tried."""
    if not choices:
        return ()
    values = [value for each in choices for value in (each.in_domain, each.shifted)]
    lowest, highest = floor(round(min(values) / STEP, 9)), ceil(round(max(values) / STEP, 9))
    height = Scale(lowest * STEP, max(highest, lowest + 1) * STEP)
    width = Scale(0, max(each.concepts for each in choices))
    return tuple(
        choice_panel(choices, domain, title, width=width, height=height)
        for domain, title in (("in_domain", "In domain"), ("shifted", "Shifted"))
    )


def choice_panel(
    choices: Sequence["Choice"], domain: str, title: str, *, width: Scale, height: Scale
) -> ChoicePanel:
    """One domain."""
    lines = []
    for rule in dict.fromkeys(each.rule for each in choices):
        mine = sorted((each for each in choices if each.rule == rule), key=lambda each: each.concepts)
        points = tuple(
            Point(
                width.percent(each.concepts),
                upwards(height, value),
                f"{each.concepts} concepts {number(value, digits=2)}",
            )
            for each in mine
            for value in [getattr(each, domain)]
        )
        lines.append(ChoiceLine(rule, RULES.get(rule, rule), points, tuple(pairwise(points))))
    steps = range(round(height.low / STEP), round(height.high / STEP) + 1)
    return ChoicePanel(
        title,
        tuple(lines),
        width.ticks(sorted({each.concepts for each in choices})),
        tuple(Tick(upwards(height, step * STEP), f"{step * STEP:.1f}") for step in steps),
        "; ".join(f"{line.label}: {', '.join(point.words for point in line.points)}" for line in lines),
    )


def upwards(scale: Scale, value: float) -> str:
    """Percent of the height, from the top."""
    return f"{100 - scale.position(value):.2f}%"
