"""Sums over images as each replicate counts them, some replicates at a time, so that memory stays flat."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import Draws
from models.evaluation.metrics.arrays import BLOCK, blocks


@dataclass(frozen=True, slots=True, eq=False)
class Addends:
    """What to add up.

    Attributes:
        images: `(i,)` rows of some images.
        columns: `(i, c)` of each.
    """

    images: NDArray[np.intp]
    columns: NDArray[np.float64]


def weighted_sums(draws: Draws, addends: Sequence[Addends]) -> list[NDArray[np.float64]]:
    """Of the columns, on the sample and every replicate: `(1 + b, c)` of each."""
    sums = [np.empty((len(draws.counts), each.columns.shape[1])) for each in addends]
    widest = max([1, draws.counts[:1].shape[1], *(len(each.images) for each in addends)])
    for part in blocks(len(draws.counts), step=max(1, BLOCK // widest)):
        counts = draws.counts[part]  # made once for all
        for own, each in zip(sums, addends, strict=True):
            weights = counts.take(draws.number[each.images], axis=1).astype(np.float64)
            own[part] = weights @ each.columns
    return sums
