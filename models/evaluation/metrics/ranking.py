"""How well scores put a class before the others: areas under the ROC and precision-recall curves."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics import arrays
from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, blocks, divide


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
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    flags = positive[order]
    values = np.empty(len(weights))
    for block in blocks(len(weights), step=max(1, arrays.BLOCK // len(scores))):
        sorted_weights = weights[block][:, order]
        ups = np.add.reduceat(sorted_weights * flags, starts, axis=1)
        downs = np.add.reduceat(sorted_weights * ~flags, starts, axis=1)
        below = np.cumsum(downs, axis=1)
        pairs = np.einsum("bt,bt->b", ups, below - downs / 2)
        values[block] = divide(pairs, ups.sum(axis=1) * below[:, -1])
    return values


def binary_auprc(positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights) -> Values:
    """Precision at each threshold, weighted by the recall that it adds, `(b,)`."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    flags = positive[order]
    values = np.empty(len(weights))
    for block in blocks(len(weights), step=max(1, arrays.BLOCK // len(scores))):
        sorted_weights = weights[block][:, order]
        ups = np.add.reduceat(sorted_weights * flags, starts, axis=1)
        chosen = np.cumsum(np.add.reduceat(sorted_weights, starts, axis=1), axis=1)
        hits = np.cumsum(ups, axis=1)
        precision = np.divide(hits, chosen, out=np.zeros_like(hits), where=chosen > 0)
        values[block] = divide(np.einsum("bt,bt->b", ups, precision), hits[:, -1])
    return values
