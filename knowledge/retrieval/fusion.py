"""One ranking from several: reciprocal rank fusion (Cormack et al., SIGIR 2009)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from knowledge.errors import KnowledgeError
from knowledge.retrieval.hits import Hit, Retriever


class Fusion:
    """A `Retriever` whose score is the sum of `1 / (constant + rank)` over its retrievers.

    Ranks, not scores, are added, for BM25 and cosine have no common scale. The constant of 100 and the number
    of candidates are those of MedRAG (Xiong et al., 2024).
    """

    def __init__(self, retrievers: Sequence[Retriever], *, constant: int = 100) -> None:
        if not retrievers:
            raise KnowledgeError("No retriever was given to fuse: choose lexical, dense or both.")
        self._retrievers = tuple(retrievers)
        self._constant = constant

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query; equal scores are ordered by passage id."""
        candidates = max(2 * limit, 100)
        rankings = [retriever.search(queries, limit=candidates) for retriever in self._retrievers]
        return [self._fused(of_query)[:limit] for of_query in zip(*rankings, strict=True)]

    def _fused(self, rankings: Iterable[list[Hit]]) -> list[Hit]:
        score: defaultdict[str, float] = defaultdict(float)
        for hits in rankings:
            for hit in hits:
                score[hit.passage_id] += 1 / (self._constant + hit.rank)
        ranked = sorted(score.items(), key=lambda each: (-each[1], each[0]))
        return [Hit(passage_id, value, rank) for rank, (passage_id, value) in enumerate(ranked, start=1)]
