"""One ranking from several: reciprocal rank fusion (Cormack et al., SIGIR 2009)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

CONSTANT = 100
"""Added to every rank, as in MedRAG (Xiong et al., 2024)."""

Key = TypeVar("Key", str, int)


def candidates(limit: int) -> int:
    """How many each retriever is asked for, as in MedRAG."""
    return max(2 * limit, 100)


def fuse(rankings: Iterable[Sequence[Key]], *, constant: int = CONSTANT) -> list[tuple[Key, float]]:
    """Keys with the sum of `1 / (constant + rank)` over the rankings, best first; equal sums by key.

    Ranks, not scores, are added, for BM25 and cosine have no common scale.
    """
    score: defaultdict[Key, float] = defaultdict(float)
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            score[key] += 1 / (constant + rank)
    return sorted(score.items(), key=lambda each: (-each[1], each[0]))
