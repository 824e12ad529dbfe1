"""A number with its interval, rounded so that the last bits of a sum do not show."""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import interval

DIGITS = 6


def estimate(curve: NDArray[np.float64], *, level: float) -> tuple[float, float, float]:
    """Value, low and high from the sample and its replicates, `curve (1 + b,)`; nan where there is none."""
    found = interval(curve[1:], level=level)
    return round(float(curve[0]), DIGITS), round(found.low, DIGITS), round(found.high, DIGITS)


def rounded(value: float) -> float | None:
    """None where there is no number."""
    return None if np.isnan(value) else round(float(value), DIGITS)
