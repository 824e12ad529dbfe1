"""A metric on the sample and on every bootstrap replicate, so that differences and means have intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.seeds import averaged, deviation_over_seeds
from models.evaluation.spread import Ends, Scale, combined_ends, ends_of

IN_DOMAIN, SHIFTED, GAP, AVERAGE, POOLED = "in_domain", "shifted", "gap", "average", "pooled"
MEASURED = (IN_DOMAIN, SHIFTED)
DOMAINS = (IN_DOMAIN, SHIFTED, GAP, AVERAGE, POOLED)
MEAN = "mean"

REAL_METRICS = frozenset({"calibration_slope", "calibration_intercept", "net_benefit", "brier_uncertainty"})
DISTANCES = frozenset({"ece", "brier_reliability"})


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """What a number is of; `group` is empty for a whole domain."""

    method: str
    split: str
    domain: str
    metric: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Images that something was measured on.

    Attributes:
        images: Distinct.
        units: Their patients, or the images where no patient is known.
    """

    images: frozenset[str]
    units: frozenset[str]

    def __or__(self, other: Self) -> "Sample":
        """Both together."""
        return Sample(self.images | other.images, self.units | other.units)


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric, averaged over the seeds.

    Attributes:
        values: `(1 + replicates,)`; the first is the sample's, nan where the metric does not exist. The
            replicates vary with patients and with seeds.
        ends: Of its interval.
        sample: That it was measured on.
        units: Patients (or images) that the number rests on: of a rate in one class, those with that class.
        by_seed: `(s,)` the sample's value with each seed.
        about: The group that a worst group is.
    """

    values: NDArray[np.float64]
    ends: Ends
    sample: Sample
    units: int
    by_seed: NDArray[np.float64]
    about: str = ""

    @property
    def n(self) -> int:
        """Distinct images."""
        return len(self.sample.images)

    @property
    def seeds(self) -> int:
        """Behind the value."""
        return len(self.by_seed)

    @property
    def seed_sd(self) -> float:
        """Standard deviation over the seeds."""
        return deviation_over_seeds(self.by_seed)

    @property
    def estimable(self) -> bool:
        """Whether the sample has a value and an interval."""
        return bool(np.isfinite([self.values[0], self.ends.low, self.ends.high]).all())

    @property
    def left_out(self) -> int:
        """Replicates without a value."""
        return int(np.isnan(self.values[1:]).sum())


def curve_of(
    by_seed: NDArray[np.float64],
    sample: Sample,
    *,
    units: int,
    metric: str,
    level: float,
    seed: int,
    freedom: float = np.inf,
) -> Curve:
    """From `by_seed (s, 1 + b)`, the metric of each seed on the sample and on every replicate."""
    values = averaged(by_seed, seed=seed)
    scale = scale_of(metric, values[0])
    ends = ends_of(values, units=units, scale=scale, level=level, freedom=freedom)
    return Curve(values, ends, sample, units, by_seed[:, 0])


def scale_of(metric: str, value: float) -> Scale:
    """Of a metric; a Brier score of several classes may be above 1."""
    if metric in DISTANCES:
        return Scale.DISTANCE
    return Scale.REAL if metric in REAL_METRICS or value > 1 or value < 0 else Scale.SHARE


def combined(curves: Sequence[Curve], coefficients: Sequence[float]) -> Curve:
    """The sum of curves of one method times coefficients, replicate by replicate and seed by seed."""
    sample = curves[0].sample
    for other in curves[1:]:
        sample = sample if other.sample is sample else sample | other.sample
    seeds = min(curve.seeds for curve in curves)
    return Curve(
        weighted_sum([curve.values for curve in curves], coefficients),
        combined_ends([c.values for c in curves], [c.ends for c in curves], coefficients),
        sample,
        min(sum(curve.units for curve in curves), len(sample.units)),
        weighted_sum([curve.by_seed[:seeds] for curve in curves], coefficients),
    )


def weighted_sum(values: Sequence[NDArray[np.float64]], coefficients: Sequence[float]) -> NDArray[np.float64]:
    """Of arrays of one length."""
    terms = [factor * each for each, factor in zip(values, coefficients, strict=True)]
    return np.asarray(np.sum(terms, axis=0))


def contrasts(found: Mapping[Cell, Curve]) -> Iterator[tuple[Cell, Curve]]:
    """Gap (in_domain minus shifted) and average of whole domains that were both measured."""
    for cell, inside in found.items():
        outside = found.get(Cell(cell.method, cell.split, SHIFTED, cell.metric))
        if cell.domain != IN_DOMAIN or cell.group or outside is None:
            continue
        both = (inside, outside)
        yield Cell(cell.method, cell.split, GAP, cell.metric), combined(both, (1, -1))
        yield Cell(cell.method, cell.split, AVERAGE, cell.metric), combined(both, (0.5, 0.5))


def mean_over(splits: Sequence[str], found: Mapping[Cell, Curve]) -> Iterator[tuple[Cell, Curve]]:
    """Mean over the splits of whatever was measured on whole domains of all of them.

    It is taken within each replicate, so that splits with common patients do not count as independent.
    """
    for cell in found:
        if not splits or cell.split != splits[0] or cell.group:
            continue
        curves = [found.get(Cell(cell.method, split, cell.domain, cell.metric)) for split in splits]
        present = [curve for curve in curves if curve is not None]
        if len(present) == len(splits):
            share = [1 / len(splits)] * len(splits)
            yield Cell(cell.method, MEAN, cell.domain, cell.metric), combined(present, share)
