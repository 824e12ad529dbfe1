"""Bootstrap over patients, as one weight matrix that every metric and method shares."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentile interval of a bootstrap.

    Attributes:
        low, high: Nan if no replicate could be used.
        left_out: Replicates in which the metric does not exist, e.g. because a class is missing.
    """

    low: float
    high: float
    left_out: int


def bootstrap_weights(
    units: Sequence[str], *, replicates: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """How often each image counts, `(1 + replicates, n)`: row 0 is the sample itself.

    Whole units (patients) are drawn with replacement, so that two images of one patient stay together.
    """
    _, number = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    total = int(number.max()) + 1 if len(number) else 0
    drawn = generator.integers(0, max(total, 1), size=(replicates, total))
    drawn += total * np.arange(replicates)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=replicates * total).reshape(replicates, total)
    return np.concatenate([np.ones((1, len(number))), counts[:, number]]).astype(np.float64)


def shared_weights(units: Sequence[str], *, replicates: int, seed: int) -> NDArray[np.float64]:
    """How often each image counts, `(1 + replicates, n)`, in draws that samples have in common.

    The Poisson bootstrap: each unit (patient) is drawn Poisson(1) times by a generator of its own, seeded by
    its name. So a unit counts equally often in every sample that it occurs in, samples without a common unit
    are independent, and a sample's draws do not depend on which other samples there are. Row 0 is the sample
    itself. A replicate may be empty if the units are few.
    """
    names, number = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    counts = np.empty((len(names), replicates), dtype=np.uint8)  # a Poisson(1) above 255 does not occur
    for row, name in enumerate(names):
        digest = hashlib.sha256(str(name).encode()).digest()[:16]
        generator = np.random.default_rng([seed, *np.frombuffer(digest, dtype="<u4").tolist()])
        counts[row] = generator.poisson(1, size=replicates)
    weights = np.ones((1 + replicates, len(number)))
    weights[1:] = counts[number].T
    return weights


def interval(draws: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """From `draws (replicates,)`, nan counting as left out."""
    usable = draws[~np.isnan(draws)]
    left_out = len(draws) - len(usable)
    if len(usable) == 0:
        return Interval(float("nan"), float("nan"), left_out)
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), left_out)
