"""How much the concepts of a bank repeat each other: diversity, and pairs that are hard to tell apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.concept_audit.bank_records import BankDiversity, ConceptPair

MOST = 50  # pairs in a report
ALIKE = 0.9  # correlation or cosine from which a pair is named


def bank_diversity(vectors: NDArray[np.floating], *, of: str) -> BankDiversity:
    """Of one vector a concept, `(c, d)`, two concepts at least.

    KnoBo (arXiv 2405.14839) takes the mean over pairs of different concepts. Its code sets the diagonal to 1
    and takes the mean over all pairs, which gives more for few concepts: both are here.
    """
    similar = cosines(vectors)
    count = len(similar)
    apart = ~np.eye(count, dtype=np.bool_)
    diversity = float((1 - similar)[apart].mean())
    spectrum = np.clip(np.linalg.eigvalsh(similar) / count, 1e-12, None)
    return BankDiversity(
        of=of,
        n=count,
        diversity=round(diversity, 6),
        as_released=round(((count - 1) * diversity + 1) / count, 6),
        effective=round(float(np.exp(-(spectrum * np.log(spectrum)).sum())), 6),
        nearest=round(float(np.where(apart, similar, -np.inf).max(axis=1).mean()), 6),
    )


def cosines(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(c, c)`, of vectors `(c, d)`; 0 with one of length 0, 1 with itself."""
    wide = vectors.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    unit = wide / np.where(length > 0, length, 1)
    found = unit @ unit.T
    np.fill_diagonal(found, 1)
    return np.asarray(found)


def hard_pairs(
    concept_ids: Sequence[str],
    *,
    answers: NDArray[np.floating],
    scores: NDArray[np.floating],
    vectors: NDArray[np.floating] | None = None,
    fewest: int = 10,
) -> tuple[ConceptPair, ...]:
    """Pairs that training saw apart in fewer than `fewest` images, or whose scores or questions are alike.

    A detector cannot learn what its answers never show (arXiv 2402.00912): where two concepts are never
    answered differently, each may look for the other, or for what goes with both. Pairs that are answered
    together in fewer than `fewest` images are judged by scores and questions alone. Those seen apart least
    come first, as a share of the images with both, then the most alike; at most fifty.

    Args:
        concept_ids: `(c,)`.
        answers: `(n, c)` probability of yes in the grounding images; nan where unknown.
        scores: `(m, c)` of other images.
        vectors: `(c, d)` of the questions.
        fewest: Images with different answers that a pair needs.
    """
    both, differ = compared(answers)
    alike = cosines((scores - scores.mean(axis=0)).T)
    close = None if vectors is None else cosines(vectors)
    unseen = (both >= fewest) & (differ < fewest)
    named = unseen | (np.abs(alike) >= ALIKE) | (False if close is None else close >= ALIKE)
    found = [
        ConceptPair(
            first=concept_ids[row],
            second=concept_ids[column],
            n_both=int(both[row, column]),
            n_differ=int(differ[row, column]),
            correlation=round(float(alike[row, column]), 6),
            cosine=None if close is None else round(float(close[row, column]), 6),
        )
        for row, column in np.argwhere(np.triu(named, 1)).tolist()
    ]
    return tuple(sorted(found, key=lambda pair: pair_key(pair, fewest))[:MOST])


def pair_key(pair: ConceptPair, fewest: int) -> tuple[float, float, str, str]:
    """Least often seen apart first, then most alike."""
    apart = pair.n_differ / pair.n_both if pair.n_both >= fewest else 1.0
    return apart, -abs(pair.correlation), pair.first, pair.second


def compared(answers: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """In how many images both concepts are known, and in how many they differ, `(c, c)` each."""
    known = ~np.isnan(answers)
    yes = (known & (answers >= 0.5)).astype(np.float64)
    no = known - yes
    differ = yes.T @ no
    both = known.T.astype(np.float64) @ known
    return both.astype(np.int64), (differ + differ.T).astype(np.int64)
