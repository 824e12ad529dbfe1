"""Metrics that are made of weighted sums over the images: all of them are one product with the weights."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Values, Weights, divide


@dataclass(frozen=True, slots=True)
class Sums:
    """What to add up, and what the sums mean.

    Attributes:
        columns: `(n, c)` of each image.
        value: Of the sums `(b, c)`, one for each weighting, the metric `(b,)`.
    """

    columns: NDArray[np.float64]
    value: Callable[[NDArray[np.float64]], Values]

    def of(self, weights: Weights) -> Values:
        """The metric, `(b,)`."""
        return self.value(weights @ self.columns)


def ratio(top: NDArray[np.floating | np.bool_], bottom: NDArray[np.floating | np.bool_]) -> Sums:
    """Sum of `top (n,)` over sum of `bottom (n,)`; nan where that is 0."""
    return Sums(np.stack([top, bottom], axis=1).astype(np.float64), mean_quotient)


def nowhere(images: int) -> Sums:
    """A metric that does not exist."""
    return Sums(np.zeros((images, 2)), mean_quotient)


def quotients(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first half of the columns over the other, `(b, c / 2)`, nan for a division by zero."""
    half = sums.shape[1] // 2
    return divide(sums[:, :half], sums[:, half:])


def mean_quotient(sums: NDArray[np.float64]) -> Values:
    """Mean of the quotients, nan if any is, `(b,)`."""
    return np.asarray(quotients(sums).mean(axis=1))


def mean_of_present(sums: NDArray[np.float64]) -> Values:
    """Mean of the quotients that exist, `(b,)`."""
    values = quotients(sums)
    present = ~np.isnan(values)
    return divide(np.where(present, values, 0).sum(axis=1), present.sum(axis=1).astype(np.float64))


def least_quotient(sums: NDArray[np.float64]) -> Values:
    """The least of the quotients that exist, `(b,)`."""
    return np.asarray(np.fmin.reduce(quotients(sums), axis=1, initial=np.nan))
