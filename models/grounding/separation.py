"""Names the concepts that training could not tell apart (audit of arXiv 2402.00912)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from models.grounding.answers import Answers
from models.grounding.concept_records import Inseparable

BLOCK = 20_000  # images at once: sums of float32 products of 0 and 1 are exact up to 2^24


def inseparable(answers: Answers, *, concept_ids: Sequence[str], fewest: int) -> tuple[Inseparable, ...]:
    """Groups of concepts, linked where two of them are separated by fewer than `fewest` images.

    Two that are known together in fewer images than that are not linked: nothing was asked of them.
    """
    both, differ = compare(answers)
    linked = (both >= max(fewest, 1)) & (differ < max(fewest, 1))
    np.fill_diagonal(linked, val=False)
    _, group = connected_components(csr_array(linked), directed=False)
    found = [np.flatnonzero(group == number) for number in np.flatnonzero(np.bincount(group) > 1)]
    return tuple(
        Inseparable(
            concept_ids=tuple(concept_ids[row] for row in rows.tolist()),
            n_both=int(both[np.ix_(rows, rows)][linked[np.ix_(rows, rows)]].min()),
            n_differ=int(differ[np.ix_(rows, rows)][linked[np.ix_(rows, rows)]].max()),
        )
        for rows in found
    )


def compare(answers: Answers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """In how many images two concepts are both learnt from, and in how many they differ, `(c, c)` each."""
    size = len(answers.known)
    both, differ = np.zeros((size, size), dtype=np.int64), np.zeros((size, size), dtype=np.int64)
    for start in range(0, answers.known.shape[1], BLOCK):
        columns = slice(start, start + BLOCK)
        known = (answers.counts[:, columns] > 0).astype(np.float32)
        yes = known * answers.yes[:, columns]
        apart = yes @ (known - yes).T
        both += (known @ known.T).astype(np.int64)
        differ += (apart + apart.T).astype(np.int64)
    return both, differ
