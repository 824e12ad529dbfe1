"""Bootstrap over patients, as one weight matrix that every metric and method shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.evaluation.shared_counts import SharedCounts


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


class Counts(Protocol):
    """An array `(1 + replicates, u) uint8` of how often each unit was drawn, or what makes parts of one."""

    def __len__(self) -> int: ...

    def __getitem__(self, replicates: slice, /) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, slots=True)
class Draws:
    """A bootstrap over units in one byte a unit and replicate at most, however many images a unit has.

    Attributes:
        number: `(n,)` unit of each image.
        counts: `(1 + replicates, u) uint8` how often each unit was drawn; row 0 is the sample itself.
    """

    number: NDArray[np.intp]
    counts: Counts

    def drawn(self, replicates: slice, images: NDArray[np.intp]) -> NDArray[np.uint8]:
        """How often some images count in some of the rows, `(b, len(images))`."""
        return self.counts[replicates].take(self.number[images], axis=1)

    def weights(self, replicates: slice, images: NDArray[np.intp]) -> NDArray[np.float64]:
        """As `drawn`."""
        return self.drawn(replicates, images).astype(np.float64)


def draw_units(units: Sequence[str], *, replicates: int, generator: np.random.Generator) -> Draws:
    """Whole units (patients) drawn with replacement, so that two images of one patient stay together."""
    _, number = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    total = int(number.max()) + 1 if len(number) else 0
    counts = np.ones((1 + replicates, total), dtype=np.uint8)
    for row in counts[1:]:  # 255 draws of one unit out of more than 255 do not occur
        row[:] = np.bincount(generator.integers(0, max(total, 1), size=total), minlength=total)
    return Draws(number, counts)


def bootstrap_weights(
    units: Sequence[str], *, replicates: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """How often each image counts, `(1 + replicates, n)`: row 0 is the sample itself.

    Units are drawn as in `draw_units`.
    """
    draws = draw_units(units, replicates=replicates, generator=generator)
    return draws.weights(slice(None), np.arange(len(draws.number)))


def shared_weights(units: Sequence[str], *, replicates: int, seed: int) -> NDArray[np.float64]:
    """How often each image counts, `(1 + replicates, n)`, in draws as of `shared_draws`."""
    draws = shared_draws(units, replicates=replicates, seed=seed)
    return draws.weights(slice(None), np.arange(len(draws.number)))


def shared_draws(units: Sequence[str], *, replicates: int, seed: int) -> Draws:
    """Draws that samples have in common.

    The Poisson bootstrap: each unit (patient) is drawn Poisson(1) times by a generator of its own, seeded by
    its name. So a unit counts equally often in every sample that it occurs in, samples without a common unit
    are independent, and a sample's draws do not depend on which other samples there are. Row 0 is the sample
    itself. A replicate may be empty if the units are few.
    """
    names, number = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    return Draws(number, SharedCounts.of(names.tolist(), replicates=replicates, seed=seed))


def interval(draws: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """From `draws (replicates,)`, nan counting as left out."""
    usable = draws[~np.isnan(draws)]
    left_out = len(draws) - len(usable)
    if len(usable) == 0:
        return Interval(float("nan"), float("nan"), left_out)
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), left_out)
