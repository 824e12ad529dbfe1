"""Which images lie near each other in the feature space: the only pairs whose pixels are compared."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.row_blocks import row_blocks

NEAREST = 5  # of each image; a copy is among them far more surely than above any cosine
ASKED, ANSWERING = 1024, 4096  # rows compared at once


def nearest_pairs(
    values: NDArray[np.float32],
    rows: NDArray[np.intp],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.intp]:
    """Pairs `(m, 2)` of places in `rows`, the smaller first, of which one is among the nearest of the other.

    Nearest by the cosine of the angle between vectors from which the mean of all is taken away: images of one
    kind share so much that without this all cosines are high. Memory does not grow with the table.

    Args:
        values: `(n, d) float32`, which may lie on disk.
        rows: `(k,)` of them that are compared.
        progress: Called with (rows done, rows).
    """
    if len(rows) < 2:
        return np.zeros((0, 2), dtype=np.intp)
    mean = sum_of_rows(values) / len(values)
    found = []
    for start in range(0, len(rows), ASKED):
        places = np.arange(start, min(start + ASKED, len(rows)))
        near = nearest(values, rows, places, mean)
        found.append(np.stack((np.repeat(places, near.shape[1]), near.ravel()), axis=1))
        if progress is not None:
            progress(int(places[-1]) + 1, len(rows))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs, axis=0)


def sum_of_rows(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum `(d,)` over a table that may lie on disk."""
    total = np.zeros(values.shape[1])
    for block in row_blocks(values):
        total += block.sum(axis=0, dtype=np.float64)
    return total


def nearest(
    values: NDArray[np.float32],
    rows: NDArray[np.intp],
    places: NDArray[np.intp],
    mean: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Places `(b, NEAREST)` nearest to some places, or fewer where there are not so many."""
    asked = directions(values[rows[places]], mean)
    wanted = min(NEAREST, len(rows) - 1)
    cosine = np.full((len(places), wanted), -np.inf, dtype=np.float32)
    near = np.zeros((len(places), wanted), dtype=np.intp)
    for start in range(0, len(rows), ANSWERING):
        others = np.arange(start, min(start + ANSWERING, len(rows)))
        found = asked @ directions(values[rows[others]], mean).T
        found[places[:, None] == others] = -np.inf
        cosine, near = best_of(
            np.concatenate((cosine, found), axis=1),
            np.concatenate((near, np.broadcast_to(others, found.shape)), axis=1),
            wanted,
        )
    return near


def best_of(
    cosine: NDArray[np.float32], places: NDArray[np.intp], wanted: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The columns with the highest cosines of each row `(b, wanted)`."""
    best = np.argpartition(cosine, cosine.shape[1] - wanted, axis=1)[:, cosine.shape[1] - wanted :]
    return np.take_along_axis(cosine, best, axis=1), np.take_along_axis(places, best, axis=1)


def directions(vectors: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float32]:
    """Vectors `(b, d)` about the mean, of length 1."""
    centred = vectors - mean.astype(np.float32)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    centred /= np.maximum(length, np.finfo(np.float32).tiny)
    return centred
