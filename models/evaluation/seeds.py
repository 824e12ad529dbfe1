"""Seeds as a second source of variance, beside patients."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

DOUBT = 0.05  # of a difference between seeds, above which chance is taken to explain it


def averaged(values: NDArray[np.float64], *, seed: int) -> NDArray[np.float64]:
    """Mean over the seeds, whose replicates also vary as other seeds would have it, `(1 + b,)`.

    What seeds add to the variance of their mean is the variance between them, less that which comes of being
    measured on few patients and is in the replicates already, over their number; nothing, if the seeds do not
    differ by more than that chance would explain once in 20 times. As it is estimated from few seeds, it is
    stretched from the normal's to Student's quantile. A seed weighs the same in a replicate for
    all methods, domains, splits and groups, so that differences and means vary as those of each seed do.

    Args:
        values: `(s, 1 + b)` a metric of each seed, on the sample and on every replicate.
        seed: Of the draws.
    """
    mean = np.asarray(values.mean(axis=0))
    seeds, replicates = len(values), values.shape[1] - 1
    if seeds < 2 or np.isnan(values[:, 0]).any():
        return mean
    deviation = values[:, 0] - mean[0]
    within = (values[:, 1:] - mean[1:]) - deviation[:, None]
    usable = ~np.isnan(within).any(axis=0)
    between = float(deviation @ deviation)
    if not usable.any() or between == 0:
        return mean
    chance = float(np.mean(np.sum(within[:, usable] ** 2, axis=0)))
    surely = stats.chi2.ppf(1 - DOUBT, seeds - 1) / (seeds - 1)
    if between <= surely * chance:
        return mean
    kept = 1 - chance / between
    stretch = stats.t.ppf(0.975, seeds - 1) / stats.norm.ppf(0.975)
    draws = np.random.default_rng([seed, seeds]).standard_normal((seeds, replicates))
    mean[1:] += stretch * np.sqrt(kept / (seeds * (seeds - 1))) * (deviation @ draws)
    return mean


def deviation_over_seeds(points: NDArray[np.float64]) -> float:
    """Standard deviation of `points (s,)`, 0 of one."""
    return float(np.std(points, ddof=1)) if len(points) > 1 and not np.isnan(points).any() else 0.0
