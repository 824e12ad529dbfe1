"""A metric on the sample and on every bootstrap replicate, so that differences and means have intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domains import DomainSplit
from models.evaluation.intervals import shared_weights
from models.evaluation.metrics import METRICS
from models.evaluation.predictions import Predictions

IN_DOMAIN, SHIFTED, GAP, AVERAGE = "in_domain", "shifted", "gap", "average"
MEASURED = (IN_DOMAIN, SHIFTED)
DOMAINS = (IN_DOMAIN, SHIFTED, GAP, AVERAGE)
MEAN = "mean"


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """What a number is of."""

    method: str
    split: str
    domain: str
    metric: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric, averaged over the seeds.

    Attributes:
        values: `(1 + replicates,)`; the first is the sample's, nan where the metric does not exist.
        images: That it was measured on.
        seeds: Behind each value.
    """

    values: NDArray[np.float64]
    images: frozenset[str]
    seeds: int

    @property
    def n(self) -> int:
        """Distinct images."""
        return len(self.images)

    @property
    def estimable(self) -> bool:
        """Whether the sample and at least one replicate have a value."""
        return not np.isnan(self.values[0]) and not bool(np.isnan(self.values[1:]).all())


def measure_split(
    split: DomainSplit, predictions: Sequence[Predictions], *, replicates: int, seed: int
) -> Iterator[tuple[Cell, Curve]]:
    """Curves of every method on the domains of one split, then on their gap and average.

    All methods, domains and splits see the same replicates: a patient (an image where no patient is known)
    is drawn equally often wherever it occurs, so that curves can be subtracted and averaged replicate by
    replicate.
    """
    found: dict[Cell, Curve] = {}
    for domain, ids in ((IN_DOMAIN, split.in_domain), (SHIFTED, split.shifted)):
        if not ids:
            continue
        labels = class_numbers(split, ids)
        weights, images = shared_weights(split.units(ids), replicates=replicates, seed=seed), frozenset(ids)
        for each in predictions:
            probabilities = each.of(ids)
            for metric, function in METRICS.items():
                values = np.mean([function(labels, one, weights) for one in probabilities], axis=0)
                found[Cell(each.method, split.name, domain, metric)] = Curve(values, images, len(each.seeds))
    yield from found.items()
    yield from contrasts(found)


def class_numbers(split: DomainSplit, ids: Sequence[str]) -> NDArray[np.int64]:
    """`(n,)` places of the labels among the split's classes."""
    number = {name: row for row, name in enumerate(split.classes)}
    return np.array([number[split.label[image]] for image in ids], dtype=np.int64)


def contrasts(found: Mapping[Cell, Curve]) -> Iterator[tuple[Cell, Curve]]:
    """Gap (in_domain minus shifted) and average of the methods measured on both."""
    for cell, inside in found.items():
        outside = found.get(Cell(cell.method, cell.split, SHIFTED, cell.metric))
        if cell.domain != IN_DOMAIN or outside is None:
            continue
        images, seeds = inside.images | outside.images, inside.seeds
        gap, average = inside.values - outside.values, (inside.values + outside.values) / 2
        yield Cell(cell.method, cell.split, GAP, cell.metric), Curve(gap, images, seeds)
        yield Cell(cell.method, cell.split, AVERAGE, cell.metric), Curve(average, images, seeds)


def mean_over(splits: Sequence[str], found: Mapping[Cell, Curve]) -> Iterator[tuple[Cell, Curve]]:
    """Mean over the splits of whatever was measured on all of them.

    It is taken within each replicate, so that splits with common patients do not count as independent.
    """
    for cell in found:
        if not splits or cell.split != splits[0]:
            continue
        curves = [found.get(Cell(cell.method, split, cell.domain, cell.metric)) for split in splits]
        present = [curve for curve in curves if curve is not None]
        if len(present) == len(splits):
            values = np.mean([curve.values for curve in present], axis=0)
            images = frozenset().union(*(curve.images for curve in present))
            seeds = min(curve.seeds for curve in present)
            yield Cell(cell.method, MEAN, cell.domain, cell.metric), Curve(values, images, seeds)
