"""Searching the vector index of a version: its parts, the lists to visit, conditions, and re-ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.retrieval.engine import Found, Index, Rows, Vectors, search, stored
from knowledge.retrieval.kinds import Kind


class HalfVectors:
    """Vectors of consecutive segments in half precision, mapped from disk: `(rows, d) float16`."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._blocks = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
        self._base = np.cumsum([0, *(len(block) for block in self._blocks)])

    def take(self, rows: Rows) -> Vectors:
        """`(n, d) float32` of rows `(n,)`."""
        taken = np.empty((len(rows), self._blocks[0].shape[1]), dtype=np.float32)
        segment = np.searchsorted(self._base, rows, side="right") - 1
        for number in np.unique(segment):
            here = segment == number
            taken[here] = self._blocks[number][rows[here] - self._base[number]]
        return taken


@dataclass(frozen=True, slots=True)
class VectorSearch:
    """A vector index that is open.

    Attributes:
        kind: How vectors are kept.
        parts: Indexes that share their centroids.
        probes: Lists a query visits.
        lists: Lists there are.
        halves: For re-ranking; none where the index is precise enough by itself.
    """

    kind: Kind
    parts: tuple[Index, ...]
    probes: int
    lists: int
    halves: HalfVectors | None = None

    def search(
        self,
        queries: Vectors,
        limit: int,
        probes: int | None = None,
        *,
        allowed: NDArray[np.uint8] | None = None,
    ) -> Found:
        """The best rows of each query: `(q, limit)`.

        With conditions (`allowed`, one bit a row) as many more lists are visited as there are fewer rows to
        find in each; a query that still finds too few visits more of them, in the end all.
        """
        probes = min(probes or self.probes, max(self.lists, 1))
        wanted = limit if self.halves is None else _candidates(limit)
        admitted = self._total() if allowed is None else int(np.bitwise_count(allowed).sum())
        if not admitted:
            return Found(np.full((len(queries), limit), -1), np.zeros((len(queries), limit), np.float32))
        wider = min(max(self.lists, 1), -(-probes * self._total() // admitted))
        found = search(self.parts, queries, limit=wanted, probes=wider, allowed=allowed)
        while wider < self.lists:
            short = np.flatnonzero((found.rows >= 0).sum(axis=1) < min(wanted, admitted))
            if not len(short):
                break
            wider = min(self.lists, 4 * wider)
            more = search(self.parts, queries[short], limit=wanted, probes=wider, allowed=allowed)
            found.rows[short], found.scores[short] = more.rows, more.scores
        return found if self.halves is None else _reranked(found, queries, self.halves, limit)

    def visit(
        self, queries: Vectors, limit: int, probes: int, *, allowed: NDArray[np.uint8] | None = None
    ) -> Found:
        """As `search`, with just so many lists visited, whatever they hold: what a recall curve asks."""
        wanted = limit if self.halves is None else _candidates(limit)
        probes = min(probes, max(self.lists, 1))
        found = search(self.parts, queries, limit=wanted, probes=probes, allowed=allowed)
        return found if self.halves is None else _reranked(found, queries, self.halves, limit)

    def stored(self, rows: Rows) -> Vectors:
        """The vectors of live rows as the index keeps them: `(n, d) float32`."""
        return stored(self.parts, rows) if self.halves is None else self.halves.take(rows)

    def _total(self) -> int:
        return sum(int(part.ntotal) for part in self.parts)


def _candidates(limit: int) -> int:
    """Rows whose true score is looked up: one bit a dimension ranks the best ten among the first hundred."""
    return min(10 * limit, 2 * limit + 200)


def _reranked(found: Found, queries: Vectors, halves: HalfVectors, limit: int) -> Found:
    scores = np.full(found.rows.shape, -np.inf, dtype=np.float32)
    for i, query in enumerate(queries):
        there = found.rows[i] >= 0
        scores[i, there] = halves.take(found.rows[i, there]) @ query
    order = np.lexsort((found.rows, -scores), axis=1)[:, :limit]
    rows = np.take_along_axis(found.rows, order, 1)
    return Found(rows, np.take_along_axis(scores, order, 1))
