"""Covariances of scaled features, kept on the smaller side of their table and estimated with shrinkage."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from models.row_blocks import row_slices
from models.scaling import Scaling

LEAST = 1e-6  # shrinkage


class Covariance(Protocol):
    """Of `n` centred rows x of `d` columns.

    Attributes:
        gram: Products of the columns `(d, d)` or of the rows `(n, n)`, summed.
        fourth: Sum of |x|^4.
        images, width: `n` and `d`.
    """

    @property
    def gram(self) -> NDArray[np.float64]: ...  # noqa: D102  # above, as the others

    @property
    def fourth(self) -> float: ...  # noqa: D102

    @property
    def images(self) -> int: ...  # noqa: D102

    @property
    def width(self) -> int: ...  # noqa: D102

    def inverse_times(self, columns: NDArray[np.float64], *, shrinkage: float) -> NDArray[np.float64]:
        """S^-1 @ columns `(d, r)` of the shrunk covariance S."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class OfColumns:
    """Of more rows than columns, of which a block is in memory at a time."""

    gram: NDArray[np.float64]
    fourth: float
    images: int

    @classmethod
    def of(cls, values: NDArray[np.floating], scaling: Scaling) -> Self:
        """Of scaled `values (n, d)`."""
        gram, fourth = np.zeros((values.shape[1],) * 2), 0.0
        for rows in row_slices(values):
            inputs = scaling.apply(values[rows])
            gram += inputs.T @ inputs
            fourth += float(np.square(np.square(inputs).sum(axis=1)).sum())
        return cls(gram, fourth, len(values))

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.gram)

    def inverse_times(self, columns: NDArray[np.float64], *, shrinkage: float) -> NDArray[np.float64]:
        """Solved among the columns."""
        shrunk = shrunk_gram(self, shrinkage=shrinkage)
        return np.asarray(solve(shrunk, columns, assume_a="pos", overwrite_a=True))


@dataclass(frozen=True, slots=True, eq=False)
class OfRows:
    """Of no more rows than columns.

    Attributes:
        inputs: `(n, d)` the scaled rows.
    """

    inputs: NDArray[np.float64]
    gram: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.floating], scaling: Scaling) -> Self:
        """Of scaled `values (n, d)`."""
        inputs = scaling.apply(values)
        return cls(inputs, inputs @ inputs.T)

    @property
    def fourth(self) -> float:
        """Of the diagonal."""
        return float(np.square(np.diagonal(self.gram)).sum())

    @property
    def images(self) -> int:
        """Number of rows."""
        return len(self.inputs)

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.inputs.shape[1])

    def inverse_times(self, columns: NDArray[np.float64], *, shrinkage: float) -> NDArray[np.float64]:
        """Solved among the rows, by Woodbury's identity."""
        shrunk = shrunk_gram(self, shrinkage=shrinkage)
        inner = solve(shrunk, self.inputs @ columns, assume_a="pos", overwrite_a=True)
        share = (1 - shrinkage) / self.images
        return np.asarray((columns - share * (self.inputs.T @ inner)) / ridge(self, shrinkage=shrinkage))


def covariance_of(values: NDArray[np.floating], scaling: Scaling) -> Covariance:
    """Of scaled `values (n, d)`, on the smaller side."""
    return (OfColumns if len(values) > values.shape[1] else OfRows).of(values, scaling)


def shrunk_gram(covariance: Covariance, *, shrinkage: float) -> NDArray[np.float64]:
    """(1 - shrinkage) x gram / n + the ridge, of the gram's shape."""
    result = covariance.gram * ((1 - shrinkage) / covariance.images)
    result[np.diag_indices(len(result))] += ridge(covariance, shrinkage=shrinkage)
    return np.asarray(result)


def ridge(covariance: Covariance, *, shrinkage: float) -> float:
    """The share `shrinkage` of the mean variance."""
    return shrinkage * float(np.trace(covariance.gram)) / (covariance.images * covariance.width)


def ledoit_wolf(covariance: Covariance) -> float:
    """Shrinkage of least expected error (Ledoit and Wolf 2004); above 0, for columns without variance."""
    images, width = covariance.images, covariance.width
    squares = float(np.square(covariance.gram).sum()) / images**2
    distance = squares - (float(np.trace(covariance.gram)) / images) ** 2 / width
    error = (covariance.fourth / images - squares) / images
    return float(np.clip(error / distance, LEAST, 1)) if distance > 0 else 1.0
