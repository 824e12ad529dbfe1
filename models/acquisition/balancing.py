"""Row weights under which acquisition attributes tell nothing of a concept's answer."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.acquisition.attributes import Acquisition, Values, acquisitions

ROUNDS = 50
LIMIT = 10.0  # an image counts at most as ten: an answer seen twice in AP must not rest on two images


def balanced_row_weights(
    answers: NDArray[np.floating], attributes: Values, *, minimum: int = 10, limit: float = LIMIT
) -> NDArray[np.float64]:
    """Row weights `(n, c)` for `fit_grounders`: within each answer, each attribute as among all images.

    The shares of each attribute's levels among the yes images, and among the no images, are brought to their
    shares among all images whose answer is known, one attribute after the other until they agree (raking;
    Deming and Stephan 1940). So the attributes stay as related to each other as they are, but no longer to
    the answer. Weights have a mean of about 1 within an answer and lie between 1 / limit and limit; where the
    limit holds, or a level has no image with that answer, balance is only approached.

    Args:
        answers: `(n, c)` probability of yes; nan where unknown, where the weight is 1 and does not count.
        attributes: By name one value an image, None where unknown; such an image keeps what the other
            attributes gave it.
        minimum: Images that a level needs.
        limit: On the weight of an image, above 1.

    Raises:
        ModelsError: An attribute without two levels, or a number of values that does not fit.
    """
    stated = acquisitions(attributes, images=len(answers), minimum=minimum)
    weights = np.ones(answers.shape, dtype=np.float64)
    for column, answer in enumerate(answers.T):
        known = ~np.isnan(answer)
        for rows in (np.flatnonzero(answer >= 0.5), np.flatnonzero(answer < 0.5)):
            weights[rows, column] = rake(stated, rows, known, limit=limit)
    return weights


def rake(
    stated: Sequence[Acquisition], rows: NDArray[np.intp], known: NDArray[np.bool_], *, limit: float
) -> NDArray[np.float64]:
    """Weights `(len(rows),)` with which `rows` have the level shares of the images `known (n,)`."""
    weights = np.ones(len(rows), dtype=np.float64)
    cells = list(targets(stated, rows, known))
    for _ in range(ROUNDS if len(rows) else 0):
        before = weights.copy()
        for codes, shares in cells:
            weights *= step(codes, shares, weights)
        weights = np.clip(weights / weights.mean(), 1 / limit, limit)
        if np.abs(weights - before).max() < 1e-9:
            break
    return weights


def targets(
    stated: Sequence[Acquisition], rows: NDArray[np.intp], known: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Of each attribute the levels of `rows` and the share that each level is to have of them."""
    for attribute in stated:
        codes = attribute.codes[rows]
        counts = attribute.indicators()[known].sum(axis=0)
        counts[np.bincount(codes[codes >= 0], minlength=len(counts)) == 0] = 0
        if counts.sum() > 0:
            yield codes, counts / counts.sum()


def step(
    codes: NDArray[np.int64], shares: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Factors `(m,)` that give each level its share of the weight whose level is known; 1 elsewhere."""
    known = codes >= 0
    held = np.bincount(codes[known], weights=weights[known], minlength=len(shares))
    wanted = shares * held.sum()
    factors = np.divide(wanted, held, out=np.ones_like(held), where=held > 0)
    return np.where(known, factors[codes], 1.0)
