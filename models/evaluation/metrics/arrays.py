"""What every metric is made of: shapes, blocks of replicates, and quotients that may not exist."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Labels: TypeAlias = NDArray[np.int64]  # (n,) class numbers
Probabilities: TypeAlias = NDArray[np.floating]  # (n, k), or scores in the same order
Weights: TypeAlias = NDArray[np.float64]  # (b, n), one row a weighting of the images
Values: TypeAlias = NDArray[np.float64]  # (b,), nan where the metric does not exist
Metric: TypeAlias = Callable[[Labels, Probabilities, Weights], Values]

BLOCK = 2_000_000  # numbers per temporary array: 16 MB


def point(metric: Metric, labels: Labels, probabilities: Probabilities) -> float:
    """The metric on the sample as it is; nan where it does not exist."""
    return float(metric(labels, probabilities, np.ones((1, len(labels))))[0])


def is_correct(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """1.0 where the most probable class (the first of equals) is the label, `(n,)`."""
    return np.asarray(decided(probabilities) == labels, dtype=np.float64)


def decided(probabilities: Probabilities) -> NDArray[np.int64]:
    """The most probable class, the first of equals, `(n,)`."""
    return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)


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
