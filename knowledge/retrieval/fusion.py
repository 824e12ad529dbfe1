"""One ranking from several: reciprocal rank fusion (Cormack et al., SIGIR 2009)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from knowledge.errors import KnowledgeError
from knowledge.retrieval.hits import Hit, Retriever

CONSTANT = 100
"""Added to every rank, as in MedRAG (Xiong et al., 2024)."""

Key = TypeVar("Key", str, int)


def candidates(limit: int) -> int:
    """How many each retriever is asked for, as in MedRAG."""
    return max(2 * limit, 100)


def fuse(rankings: Iterable[Sequence[Key]], *, constant: int = CONSTANT) -> list[tuple[Key, float]]:
    """Keys with the sum of `1 / (constant + rank)` over the rankings, best first; equal sums by key."""
    score: defaultdict[Key, float] = defaultdict(float)
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            score[key] += 1 / (constant + rank)
    return sorted(score.items(), key=lambda each: (-each[1], each[0]))


class Fusion:
    """A `Retriever` whose score is the sum of `1 / (constant + rank)` over its retrievers.

    Ranks, not scores, are added, for BM25 and cosine have no common scale.
    """

    def __init__(self, retrievers: Sequence[Retriever], *, constant: int = CONSTANT) -> None:
        if not retrievers:
            raise KnowledgeError("No retriever was given to fuse: choose lexical, dense or both.")
        self._retrievers = tuple(retrievers)
        self._constant = constant

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query; equal scores are ordered by passage id."""
        rankings = [retriever.search(queries, limit=candidates(limit)) for retriever in self._retrievers]
        return [self._fused(of_query)[:limit] for of_query in zip(*rankings, strict=True)]

    def _fused(self, rankings: Iterable[list[Hit]]) -> list[Hit]:
        fused = fuse(([hit.passage_id for hit in hits] for hits in rankings), constant=self._constant)
        return [Hit(passage_id, score, rank) for rank, (passage_id, score) in enumerate(fused, start=1)]
