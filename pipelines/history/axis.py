"""The axis of a drawing: 0 to 1 for shares, wider in round steps where a number lies beyond."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Self

STEPS = 4  # lines of the grid above the floor, about
ROUND = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Axis:
    """Where an axis begins, where it ends, and how far its lines are apart."""

    low: float
    high: float
    step: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The axis that shows all values, and 0 and 1 for the eye to hold on to."""
        there = [0.0, 1.0, *values]
        step = round_step((max(there) - min(there)) / STEPS)
        return cls(step * floor(min(there) / step), step * ceil(max(there) / step), step)

    def lines(self) -> list[float]:
        """Values of the lines, from the floor to the ceiling."""
        first, last = round(self.low / self.step), round(self.high / self.step)
        return [number * self.step for number in range(first, last + 1)]

    def share(self, value: float) -> float:
        """How far below the ceiling a value lies: 0 there, 1 at the floor."""
        return (self.high - value) / (self.high - self.low)


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is no less."""
    power = 10.0 ** floor(log10(least))
    return next(power * factor for factor in ROUND if power * factor >= least * (1 - 1e-9))
