"""Bins that hold equally many images of each weighting, and the calibration error over them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics import arrays
from models.evaluation.metrics.arrays import (
    Labels,
    Probabilities,
    Values,
    Weights,
    blocks,
    divide,
    is_correct,
)

BINS = 10


@dataclass(frozen=True, slots=True)
class Binned:
    """Sums over the images of each bin; bins that ties have emptied weigh nothing.

    Attributes:
        weight: `(b, j)` weight of its images.
        predicted: `(b, j)` sum of weight times probability.
        observed: `(b, j)` weight of the images where the event occurred.
    """

    weight: NDArray[np.float64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]


def binned(
    events: NDArray[np.bool_], probabilities: NDArray[np.floating], weights: Weights, *, bins: int = BINS
) -> Binned:
    """Bins between the quantiles of `probabilities (n,)` of each weighting, quantiles in the bin below.

    An image of weight w counts as w images, so that the bins are those of the sample in which each image
    occurs as often as it was drawn. Equal probabilities share a bin.
    """
    order = np.argsort(probabilities, kind="stable")
    ranked = probabilities[order].astype(np.float64)
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    occurred = events[order]
    found = np.empty((3, len(weights), bins))
    for block in blocks(len(weights), step=max(1, arrays.BLOCK // len(ranked))):
        drawn = weights[block][:, order]
        sums = [cumulated(each) for each in (drawn, drawn * ranked, drawn * occurred)]
        edges = edges_of(sums[0], starts, bins=bins)
        for place, each in enumerate(sums):
            found[place, block] = np.diff(np.take_along_axis(each, edges, axis=1), axis=1)
    return Binned(*found)


def cumulated(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the first 0, 1, ..., n columns, `(b, n + 1)`."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def edges_of(sums: NDArray[np.float64], starts: NDArray[np.intp], *, bins: int) -> NDArray[np.intp]:
    """Ranks at which the bins begin and the last one ends, `(b, bins + 1)`.

    The quantile at j/bins of w images is what ranks (w - 1) j/bins, counted from 0; a value is above it if
    more than so many images have a smaller one.
    """
    total = sums.shape[1] - 1
    ends = np.append(starts, total)
    edges = np.zeros((len(sums), bins + 1), dtype=np.intp)
    for row, (below, all_weight) in enumerate(zip(sums[:, starts], sums[:, -1], strict=True)):
        quantiles = (all_weight - 1) * np.arange(1, bins) / bins
        edges[row, 1:-1] = ends[np.searchsorted(below, quantiles, side="right")]
    edges[:, -1] = total
    return edges


def ece(labels: Labels, probabilities: Probabilities, weights: Weights, *, bins: int = BINS) -> Values:
    """Adaptive expected calibration error, `(b,)`: mean distance of probability and frequency over bins.

    Of the probability of class 1 if `k = 2`, else of the most probable class (Nguyen and O'Connor, EMNLP
    2015; Guo et al., ICML 2017). Nan for a weighting of nothing.
    """
    if probabilities.shape[1] == 2:
        found = binned(labels == 1, probabilities[:, 1], weights, bins=bins)
    else:
        correct = is_correct(labels, probabilities) > 0
        found = binned(correct, probabilities.max(axis=1), weights, bins=bins)
    distance = np.abs(found.predicted - found.observed).sum(axis=1)
    return divide(distance, found.weight.sum(axis=1))
