"""A number with its interval, rounded so that the last bits of a sum do not show."""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.spread import Scale, ends_of

DIGITS = 6


def share_estimate(curve: NDArray[np.float64], *, units: int, level: float) -> tuple[float, float, float]:
    """Value, low and high of a number in [0, 1], as the audit has them; nan where there is none.

    Args:
        curve: `(1 + b,)` of the sample and its replicates.
        units: Patients (or images) that were drawn.
        level: Of the interval.
    """
    ends = ends_of(curve, units=units, scale=Scale.SHARE, level=level)
    return round(float(curve[0]), DIGITS), round(ends.low, DIGITS), round(ends.high, DIGITS)


def rounded(value: float) -> float | None:
    """None where there is no number."""
    return None if np.isnan(value) else round(float(value), DIGITS)
