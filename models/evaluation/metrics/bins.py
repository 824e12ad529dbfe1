"""Bins that hold equally many images of each weighting, and the calibration error over them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, divide, is_correct
from models.evaluation.metrics.ranks import Ranked, Walk, walks

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
    found = np.empty((3, len(weights), bins))
    for rows, walk in walks(Ranked.of(events, probabilities), weights):
        part = into_bins(walk, bins=bins)
        found[:, rows] = part.weight, part.predicted, part.observed
    return Binned(*found)


def into_bins(walk: Walk, *, bins: int = BINS) -> Binned:
    """See `binned`."""
    edges = edges_of(walk, bins=bins)
    weight = np.diff(np.take_along_axis(walk.weight, edges, axis=1), axis=1)
    observed = np.diff(np.take_along_axis(walk.events, walk.ranked.before[edges], axis=1), axis=1)
    return Binned(weight.astype(np.float64), predicted_of(walk, edges), observed.astype(np.float64))


def predicted_of(walk: Walk, edges: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum of weight times probability between neighbouring edges, `(b, bins)`."""
    rows, images = walk.drawn.shape
    products = np.zeros(rows * images + 1)  # an empty bin at the end begins at the last
    np.multiply(walk.drawn, walk.ranked.scores, out=products[:-1].reshape(rows, images))
    begins = edges[:, :-1] + images * np.arange(rows)[:, None]
    sums = np.add.reduceat(products, begins.ravel()).reshape(begins.shape)
    return np.where(edges[:, :-1] < edges[:, 1:], sums, 0.0)


def edges_of(walk: Walk, *, bins: int) -> NDArray[np.intp]:
    """Ranks at which the bins begin and the last one ends, `(b, bins + 1)`.

    The quantile at j/bins of w images is what ranks (w - 1) j/bins, counted from 0; a value is above it if
    more than so many images have a smaller one.
    """
    starts, below = walk.ranked.starts, walk.weight
    if walk.ranked.tied:
        below = below.take(starts, axis=1)
    edges = np.zeros((len(below), bins + 1), dtype=np.intp)
    quantiles = (below[:, -1:].astype(np.float64) - 1) * np.arange(1, bins) / bins
    sought = np.floor(quantiles).astype(below.dtype) if below.dtype == np.int32 else quantiles
    for row, (sums, own) in enumerate(zip(below[:, :-1], sought, strict=True)):
        edges[row, 1:-1] = starts[sums.searchsorted(own, side="right")]
    edges[:, -1] = starts[-1]
    return edges


def ece(labels: Labels, probabilities: Probabilities, weights: Weights, *, bins: int = BINS) -> Values:
    """Adaptive expected calibration error, `(b,)`: mean distance of probability and frequency over bins.

    Of the probability of class 1 if `k = 2`, else of the most probable class (Nguyen and O'Connor, EMNLP
    2015; Guo et al., ICML 2017). Nan for a weighting of nothing.
    """
    return mean_distance(binned(*confidence(labels, probabilities), weights, bins=bins))


def confidence(
    labels: Labels, probabilities: Probabilities
) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    """The event whose probability is to be right, and that probability, `(n,)` each."""
    if probabilities.shape[1] == 2:
        return labels == 1, probabilities[:, 1]
    return is_correct(labels, probabilities) > 0, probabilities.max(axis=1)


def mean_distance(found: Binned) -> Values:
    """Over the bins, each by its weight, `(b,)`."""
    return divide(np.abs(found.predicted - found.observed).sum(axis=1), found.weight.sum(axis=1))
