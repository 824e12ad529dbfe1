"""Intervals from a bootstrap's spread that also hold for small samples and for numbers near their bound.

Percentiles of the replicates cover too seldom there (`docs/statistics.md` has the table). The bootstrap is
therefore asked for the standard error alone, and the interval is Student's on a scale that has no bounds: of
a share its logit, so that the interval stays between 0 and 1 and is as lopsided as it should be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

LEAST_REPLICATES = 2


class Scale(Enum):
    """What a number can be.

    `SHARE`: between 0 and 1. `DISTANCE`: between 0 and 1, and too large in a small sample, since chance
    alone makes one. `REAL`: any number.
    """

    SHARE = "share"
    DISTANCE = "distance"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of an interval; nan where nothing can be said."""

    low: float
    high: float


def ends_of(
    values: NDArray[np.float64],
    *,
    units: int,
    scale: Scale,
    level: float = 0.95,
    freedom: float = np.inf,
) -> Ends:
    """Interval of a number whose `values (1 + b,)` are the sample's and the replicates'.

    Args:
        values: Nan where a replicate has none.
        units: Patients (or images) that were drawn.
        scale: Of the number.
        level: Of the interval.
        freedom: Degrees of freedom of the standard error, where they are below `units - 1`.
    """
    quantile, error = student(units, level=level, freedom=freedom), standard_error(values, units=units)
    value = float(values[0])
    if np.isnan(value) or np.isnan(error):
        return Ends(np.nan, np.nan)
    if scale is Scale.REAL:
        return Ends(value - quantile * error, value + quantile * error)
    if scale is Scale.DISTANCE:
        return distance_ends(values, quantile * error)
    if not 0 < value < 1 or error == 0:
        return wilson(value, units, quantile=student(units, level=level))
    half = quantile * error / (value * (1 - value))
    return Ends(float(expit(logit(value) - half)), float(expit(logit(value) + half)))


def distance_ends(values: NDArray[np.float64], half: float) -> Ends:
    """Around the value less what the bootstrap adds to it; the value itself stays inside."""
    value = float(values[0])
    centre = 2 * value - float(np.nanmean(values[1:]))
    return Ends(float(np.clip(centre - half, 0, value)), max(min(centre + half, 1.0), value))


def wilson(share: float, units: int, *, quantile: float) -> Ends:
    """Wilson's interval of a share of independent units: what is left where no replicate differs."""
    spread = quantile**2 / units
    centre = (share + spread / 2) / (1 + spread)
    half = quantile * np.sqrt(share * (1 - share) / units + spread / units / 4) / (1 + spread)
    return Ends(max(float(centre - half), 0.0), min(float(centre + half), 1.0))


def standard_error(values: NDArray[np.float64], *, units: int) -> float:
    """Standard deviation of the replicates, for a sample of so many units; nan where there is none."""
    usable = values[1:][~np.isnan(values[1:])]
    if len(usable) < LEAST_REPLICATES or units < LEAST_REPLICATES:
        return float("nan")
    return float(np.std(usable, ddof=1) * np.sqrt(units / (units - 1)))


def student(units: int, *, level: float, freedom: float = np.inf) -> float:
    """Student's quantile for so many units, or for fewer degrees of freedom than they give."""
    return float(stats.t.ppf((1 + level) / 2, max(min(units - 1, freedom), 1)))


def combined_ends(
    values: Sequence[NDArray[np.float64]], ends: Sequence[Ends], coefficients: Sequence[float]
) -> Ends:
    """Interval of a sum of numbers times coefficients, from their own intervals.

    The method of variance estimates recovery (Zou and Donner, Statistics in Medicine 2008): the distance to
    each end is that of the parts' ends, put together with the correlation of their replicates. So it is as
    lopsided as they are.
    """
    usable = np.stack(values)[:, 1:]
    usable = usable[:, ~np.isnan(usable).any(axis=0)]
    factors = np.asarray(coefficients)
    points = np.array([each[0] for each in values])
    total = float(factors @ points)
    if usable.shape[1] < LEAST_REPLICATES or np.isnan(total):
        return Ends(np.nan, np.nan)
    lows, highs = np.array([each.low for each in ends]), np.array([each.high for each in ends])
    below = np.where(factors > 0, points - lows, highs - points) * factors
    above = np.where(factors > 0, highs - points, points - lows) * factors
    alike = correlation(usable)
    return Ends(total - length(below, alike), total + length(above, alike))


def correlation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the rows, `(k, k)`; that of a row without spread with any other is 0."""
    centred = values - values.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    found = unit @ unit.T
    np.fill_diagonal(found, 1)
    return np.asarray(found)


def length(parts: NDArray[np.float64], alike: NDArray[np.float64]) -> float:
    """Of a sum of correlated parts."""
    return float(np.sqrt(max(float(parts @ alike @ parts), 0.0)))
