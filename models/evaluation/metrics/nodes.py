"""A few points that stand for many images in a logistic regression on one number."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

NODES = 20  # a cell; the error is 3.4^-20 = 2e-11 at twice the slope that the cells are made for
WIDTH = 2.0  # of a cell, in logits at that slope


@dataclass(frozen=True, slots=True)
class Cell:
    """Images with neighbouring logits.

    Attributes:
        ranks: Their place among the sorted logits.
        points: `(j,)`.
        shares: `(r, j)` how much of each image each point stands for; None where points are the images.
    """

    ranks: slice
    points: NDArray[np.float64]
    shares: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Nodes:
    """Points `(j,)` whose masses give, for any smooth function, the weighted sum of it over the images.

    The probability is an analytic function of the logit; between Chebyshev points of a cell its polynomial
    differs from it by less than rounding adds, as long as no slope is steeper than the cells allow
    (Trefethen, Approximation Theory and Approximation Practice, theorem 8.2).

    Attributes:
        cells: By rising logits.
        points: `(j,)` of all cells.
        steepest: Slope up to which the points suffice.
    """

    cells: tuple[Cell, ...]
    points: NDArray[np.float64]
    steepest: float

    @classmethod
    def of(cls, logits: NDArray[np.float64], *, slope: float) -> Self:
        """For sorted `logits (n,)` and slopes near this one."""
        cells = tuple(cells_of(logits, width=WIDTH / slope))
        exact = all(cell.shares is None for cell in cells)
        if exact:
            return cls.images(logits)
        return cls(cells, np.concatenate([cell.points for cell in cells]), 2 * slope)

    @classmethod
    def images(cls, logits: NDArray[np.float64]) -> Self:
        """Each image a point, `(n,)`."""
        return cls((Cell(slice(None), logits, None),), logits, np.inf)

    def masses(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the points, `(b, j)`, for weights `(b, n)` by rank."""
        parts = [
            drawn[:, cell.ranks] if cell.shares is None else drawn[:, cell.ranks] @ cell.shares
            for cell in self.cells
        ]
        return np.concatenate(parts, axis=1)


def cells_of(logits: NDArray[np.float64], *, width: float) -> Iterator[Cell]:
    """From the lowest logit on, each as wide as that."""
    start = 0
    while start < len(logits):
        end = int(np.searchsorted(logits, logits[start] + width, side="right"))
        inside, ranks = logits[start:end], slice(start, end)
        if len(inside) <= NODES:
            yield Cell(ranks, inside, None)
        else:
            middle, half = (inside[0] + inside[-1]) / 2, (inside[-1] - inside[0]) / 2
            roots = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
            places = (inside - middle) / half if half > 0 else np.zeros(len(inside))
            yield Cell(ranks, middle + half * roots, interpolation(places, roots))
        start = end


def interpolation(places: NDArray[np.float64], roots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights `(n, j)` of the values at Chebyshev points in the polynomial through them."""
    degree = len(roots) - 1
    at_places = np.polynomial.chebyshev.chebvander(places, degree)
    at_roots = np.polynomial.chebyshev.chebvander(roots, degree)
    at_roots[:, 1:] *= 2
    return np.asarray(at_places @ at_roots.T / len(roots))
