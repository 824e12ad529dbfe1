"""How well scores put a class before the others: areas under the ROC and precision-recall curves."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, divide
from models.evaluation.metrics.ranks import Ranked, Walk, walks


def auroc(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Area under the ROC curve, `(b,)`: of class 1 if `k = 2`, else the mean of each class against the rest.

    Nan for a weighting that misses a class, and for any weighting if the labels do.
    """
    return of_classes(binary_auroc, labels, probabilities, weights)


def auprc(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Average precision, `(b,)`: of class 1 if `k = 2`, else the mean of each class against the rest.

    Nan for a weighting that misses class 1 (of more than two classes: any class).
    """
    return of_classes(binary_auprc, labels, probabilities, weights)


def of_classes(
    binary: Callable[[NDArray[np.bool_], NDArray[np.floating], Weights], Values],
    labels: Labels,
    probabilities: Probabilities,
    weights: Weights,
) -> Values:
    """Of class 1 if there are two classes, else the mean over each class against the rest, `(b,)`."""
    classes = probabilities.shape[1]
    if classes == 2:
        return binary(labels == 1, probabilities[:, 1], weights)
    each = [binary(labels == number, probabilities[:, number], weights) for number in range(classes)]
    return np.asarray(np.mean(each, axis=0), dtype=np.float64)


def binary_auroc(positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights) -> Values:
    """Weighted share of (positive, negative) pairs in the right order, ties counting half, `(b,)`."""
    return along(Ranked.of(positive, scores), weights, area_under_roc)


def binary_auprc(positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights) -> Values:
    """Precision at each threshold, weighted by the recall that it adds, `(b,)`."""
    return along(Ranked.of(positive, scores), weights, average_precision)


def along(ranked: Ranked, weights: NDArray[np.number], value: Callable[[Walk], Values]) -> Values:
    """The value of every weighting, `(b,)`."""
    found = np.empty(len(weights))
    for rows, walk in walks(ranked, weights):
        found[rows] = value(walk)
    return found


def area_under_roc(walk: Walk) -> Values:
    """See `binary_auroc`, `(b,)`."""
    others = (walk.below - walk.events_below).astype(np.float64)
    pairs = np.einsum("bq,bq->b", walk.own, others)
    if walk.ranked.tied:
        tied = walk.weight.take(walk.ranked.spans[1], axis=1) - walk.below - walk.own
        pairs += np.einsum("bq,bq->b", walk.own, tied) / 2
    return divide(pairs, walk.positive * (walk.total - walk.positive))


def average_precision(walk: Walk) -> Values:
    """See `binary_auprc`, `(b,)`."""
    chosen = (walk.weight[:, -1:] - walk.below).astype(np.float64)
    hits = (walk.events[:, -1:] - walk.events_below).astype(np.float64)
    np.maximum(chosen, np.finfo(np.float64).tiny, out=chosen)
    precision = np.divide(hits, chosen, out=hits)
    return divide(np.einsum("bq,bq->b", walk.own, precision), walk.positive)
