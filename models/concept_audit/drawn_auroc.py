"""AUROC of many columns of scores in every draw of a bootstrap: exact for few images, else to first order.

In a draw, AUROC is a mean over pairs of images. What each image adds to it with the others as they are (its
placement; DeLong et al., Biometrics 1988) tells how it moves to first order, and what is left out is of the
order of one over the images. A draw is then a product with a matrix of patients and columns, in place of a
walk along every column.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import rankdata

from models.evaluation.intervals import Draws
from models.evaluation.metrics import binary_auroc, blocks, divide
from models.grounding.quality import CELLS

MANY = 4000  # images, above which draws are made to first order


def drawn_aurocs(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], draws: Draws, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Of each column, the sample first and then the draws, `(c, 1 + replicates)`.

    Args:
        positive: `(m,)`.
        scores: `(m, c)`.
        draws: Of patients.
        rows: `(m,)` which of the images that were drawn these are.
    """
    curves = placed_aurocs if len(rows) > MANY else walked_aurocs
    return curves(positive, scores, draws, rows)


def walked_aurocs(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], draws: Draws, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Exactly, see `drawn_aurocs`."""
    found = np.empty((scores.shape[1], len(draws.counts)))
    for step in blocks(len(draws.counts), step=max(1, CELLS // max(1, len(rows)))):
        weights = draws.weights(step, rows)
        for column, each in enumerate(scores.T):
            found[column, step] = binary_auroc(positive, each, weights)
    return found


def placed_aurocs(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], draws: Draws, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """To first order, see `drawn_aurocs`."""
    units = int(draws.number.max()) + 1
    found = np.zeros((scores.shape[1], len(draws.counts)))
    for side, rising in ((positive, True), (~positive, False)):
        placed = placements(scores, side, rising=rising)
        number = draws.number[rows[side]]
        gather = csr_array((np.ones(len(number)), (number, np.arange(len(number)))), (units, len(number)))
        sums, sizes = gather @ placed, gather @ np.ones(len(number))
        for step in blocks(len(draws.counts), step=max(1, CELLS // units)):
            counts = draws.counts[step].astype(np.float64)
            drawn = np.repeat((counts @ sizes)[None], scores.shape[1], axis=0)
            found[:, step] += divide((counts @ sums).T, drawn)
    return np.asarray(found - placed.mean(axis=0)[:, None])


def placements(scores: NDArray[np.floating], side: NDArray[np.bool_], *, rising: bool) -> NDArray[np.float64]:
    """Share of the images of the other side that are below (`rising`) or above, ties counting half.

    `(m, c)` for the `m` images of `side (n,)`; their mean is the AUROC if positives are to be higher.
    """
    among = rankdata(scores[side], axis=0)
    below = (rankdata(scores, axis=0)[side] - among) / max(1, len(side) - int(side.sum()))
    return np.asarray(below if rising else 1 - below, dtype=np.float64)
