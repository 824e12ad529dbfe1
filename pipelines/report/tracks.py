"""Positions of dots, intervals and bars on a drawing whose width is only known to the reader's browser.

Everything is given in percent of the width, so that a drawing fits a phone and a printed page while its
dots stay round and its text keeps its size.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from models.evaluation.report import AuditRow, PairedTest

MARGIN = 3.0
"""Percent kept free at both ends, so that a dot at the end is drawn whole."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position."""

    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from `low` to `high`."""

    low: float
    high: float

    def position(self, value: float) -> float:
        """Percent of the width; values beyond the scale lie at its end."""
        share = (value - self.low) / (self.high - self.low)
        return MARGIN + min(max(share, 0.0), 1.0) * (100 - 2 * MARGIN)

    def percent(self, value: float) -> str:
        """As an attribute of SVG."""
        return f"{self.position(value):.2f}%"

    def ticks(self, values: Iterable[float], *, form: str = "{:g}") -> tuple[Tick, ...]:
        """Labelled positions."""
        labels = {value: form.format(value).replace("-", "−") if value else "0" for value in values}
        return tuple(Tick(self.percent(value), label) for value, label in labels.items())


UNIT = Scale(0.0, 1.0)
UNIT_TICKS = UNIT.ticks((0, 0.25, 0.5, 0.75, 1))


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval."""

    x: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Track:
    """In domain and shifted on one line, joined where both were measured."""

    in_domain: Dot | None
    shifted: Dot | None


def dot(scale: Scale, value: float, low: float, high: float) -> Dot | None:
    """None where the value cannot be estimated; without an interval the dot stands alone."""
    if not math.isfinite(value):
        return None
    low, high = (low, high) if math.isfinite(low) and math.isfinite(high) else (value, value)
    return Dot(scale.percent(value), scale.percent(low), scale.percent(high))


def row_dot(row: AuditRow | None) -> Dot | None:
    """Of a metric between 0 and 1."""
    return None if row is None else dot(UNIT, row.value, row.low, row.high)


def difference_dot(scale: Scale, test: PairedTest | None) -> Dot | None:
    """Of a difference."""
    return None if test is None else dot(scale, test.difference, test.low, test.high)


def difference_scale(tests: Iterable[PairedTest]) -> Scale:
    """Wide enough for every interval, in steps of 0.1."""
    return symmetric_scale(
        (end for test in tests for end in (test.difference, test.low, test.high)), step=0.1
    )


def symmetric_scale(values: Iterable[float], *, step: float) -> Scale:
    """About zero and wide enough for every value, in steps; one step at least."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=step)
    bound = max(round(math.ceil(round(largest / step, 9)) * step, 9), step)
    return Scale(-bound, bound)


@dataclass(frozen=True, slots=True)
class Bar:
    """A horizontal bar from the middle outwards."""

    x: str
    width: str
    positive: bool


def bar(value: float, largest: float) -> Bar:
    """A bar on a scale of -largest to largest."""
    half = 50 * min(abs(value) / largest, 1.0) if largest > 0 else 0.0
    start = 50.0 if value >= 0 else 50.0 - half
    return Bar(f"{start:.2f}%", f"{half:.2f}%", positive=value >= 0)
