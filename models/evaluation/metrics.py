"""Accuracy, balanced accuracy and AUROC of weighted samples, so that one call does a whole bootstrap."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Labels: TypeAlias = NDArray[np.int64]  # (n,) class numbers
Probabilities: TypeAlias = NDArray[np.floating]  # (n, k), or scores in the same order
Weights: TypeAlias = NDArray[np.float64]  # (b, n), one row a weighting of the images
Values: TypeAlias = NDArray[np.float64]  # (b,), nan where the metric does not exist
Metric: TypeAlias = Callable[[Labels, Probabilities, Weights], Values]

BLOCK = 2_000_000  # numbers per temporary array: 16 MB


def accuracy(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Weight of the images whose most probable class is their label, over all weight, `(b,)`."""
    return divide(weights @ is_correct(labels, probabilities), weights.sum(axis=1))


def balanced_accuracy(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Mean recall over the classes that occur in `labels`, `(b,)`.

    Nan for a weighting that misses one of them, and for any weighting if there is only one.
    """
    present = one_hot(labels)
    if present.shape[1] < 2:
        return np.full(len(weights), np.nan)
    hits = weights @ (present * is_correct(labels, probabilities)[:, None])
    return np.asarray(divide(hits, weights @ present).mean(axis=1), dtype=np.float64)


def auroc(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Area under the ROC curve, `(b,)`: of class 1 if `k = 2`, else the mean of each class against the rest.

    Nan for a weighting that misses a class, and for any weighting if the labels do.
    """
    classes = probabilities.shape[1]
    if classes == 2:
        return binary_auroc(labels == 1, probabilities[:, 1], weights)
    each = [binary_auroc(labels == number, probabilities[:, number], weights) for number in range(classes)]
    return np.asarray(np.mean(each, axis=0), dtype=np.float64)


def binary_auroc(positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights) -> Values:
    """Weighted share of (positive, negative) pairs in the right order, ties counting half, `(b,)`."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    flags = positive[order]
    values = np.empty(len(weights))
    for block in blocks(len(weights), step=max(1, BLOCK // len(scores))):
        sorted_weights = weights[block][:, order]
        ups = np.add.reduceat(sorted_weights * flags, starts, axis=1)
        downs = np.add.reduceat(sorted_weights * ~flags, starts, axis=1)
        below = np.cumsum(downs, axis=1)
        pairs = np.einsum("bt,bt->b", ups, below - downs / 2)
        values[block] = divide(pairs, ups.sum(axis=1) * below[:, -1])
    return values


def point(metric: Metric, labels: Labels, probabilities: Probabilities) -> float:
    """The metric on the sample as it is; nan where it does not exist."""
    return float(metric(labels, probabilities, np.ones((1, len(labels))))[0])


def is_correct(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """1.0 where the most probable class (the first of equals) is the label, `(n,)`."""
    return np.asarray(probabilities.argmax(axis=1) == labels, dtype=np.float64)


def one_hot(labels: Labels) -> NDArray[np.float64]:
    """`(n, j)`, a column for each of the `j` classes that occur."""
    return np.asarray(labels[:, None] == np.unique(labels)[None, :], dtype=np.float64)


def divide(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient, nan instead of a division by zero."""
    quotient = np.full(np.shape(top), np.nan)
    np.divide(top, bottom, out=quotient, where=bottom > 0)
    return quotient


def blocks(total: int, *, step: int) -> Iterator[slice]:
    """Slices of at most `step` that cover `total`."""
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))


METRICS: Mapping[str, Metric] = MappingProxyType(
    {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "auroc": auroc}
)
