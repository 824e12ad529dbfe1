"""How many of the exact ten best a vector index finds: measured on held-out queries, kept with the index.

The queries are passages of the index itself, drawn at random and kept out of the training sample; a query is
no answer to itself. Their exact neighbours come from comparing them with every vector once, when that vector
comes in, so that the measurement stays exact while passages are added and deleted. Where deletions have left
too few of them, others are drawn and compared with the vectors as the index keeps them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.retrieval.engine import Found, Rows, Vectors, best, exact
from knowledge.retrieval.manifest import Point

AT = 10
DEPTH = 40
"""Exact neighbours kept a query: ten are asked for, the others stand in for deleted ones."""

_QUERIES = 500
_FEWEST = 100  # usable queries below which others are drawn
_HELD_OUT = 4  # one row in so many, at most: the others are there to train on
_BLOCK = 50_000
_TIE = 1e-6  # scores this near are equal: passages of the same text are equally good answers
_Z = 1.645  # one-sided 95 %

Search = Callable[[Vectors, int, int], Rows]
"""Queries `(q, d)`, limit and probes to rows `(q, limit)`."""

Stored = Callable[[Rows], Vectors]
"""Rows `(n,)` to their vectors `(n, d)` as the index keeps them."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Held-out queries and their exact neighbours so far.

    Attributes:
        queries: `(q, d) float32`.
        own: Row of each query `(q,) int64`.
        neighbours: The best rows, the own one among them, `(q, DEPTH + 1)`.
    """

    queries: Vectors
    own: Rows
    neighbours: Found

    @classmethod
    def of(cls, queries: Vectors, own: Rows) -> Self:
        """Before any vector has been compared."""
        empty = Found(np.empty((len(own), 0), np.int64), np.empty((len(own), 0), np.float32))
        return cls(queries, own, empty)

    @classmethod
    def redrawn(cls, stored: Stored, live: NDArray[np.bool_], *, seed: int = 0) -> Self:
        """Other queries, drawn from the live rows and compared with all of them."""
        rows = np.flatnonzero(live)
        own = np.sort(np.random.default_rng([seed, 3]).choice(rows, min(_QUERIES, len(rows)), replace=False))
        truth = cls.of(stored(own), own)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            found = exact(truth.queries, stored(block), first_row=0, limit=DEPTH + 1)
            truth = truth.extended([Found(block[found.rows], found.scores)])
        return truth

    def extended(self, found: Sequence[Found]) -> Self:
        """With the neighbours among vectors that came in, each compared exactly."""
        return replace(self, neighbours=best([self.neighbours, *found], limit=DEPTH + 1))

    def usable(self, live: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which queries have as many live neighbours as there are to find: `(q,) bool`."""
        return np.asarray(self._others(live).sum(axis=1) >= _wanted(live), dtype=bool)

    def suffices(self, live: NDArray[np.bool_]) -> bool:
        """Whether enough queries are usable."""
        return int(self.usable(live).sum()) >= min(_FEWEST, max(1, int(live.sum()) // _HELD_OUT))

    def tenth(self, live: NDArray[np.bool_]) -> tuple[Rows, Vectors]:
        """Row and score of the last neighbour to find of each usable query: `(n,)` each."""
        there, usable = self._others(live), self.usable(live)
        last = (there.cumsum(axis=1) >= _wanted(live)).argmax(axis=1)
        every = np.arange(len(self.own))
        return self.neighbours.rows[every, last][usable], self.neighbours.scores[every, last][usable]

    def _others(self, live: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which neighbours are live, and not the query itself: `(q, DEPTH + 1) bool`."""
        rows = self.neighbours.rows
        return np.asarray((rows >= 0) & live[rows] & (rows != self.own[:, None]), dtype=bool)

    def save(self, path: Path) -> None:
        """Arrays only."""
        np.savez(
            path,
            queries=self.queries,
            own=self.own,
            rows=self.neighbours.rows,
            scores=self.neighbours.scores,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` kept, in a file whose checksum has been compared."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["queries"], kept["own"], Found(kept["rows"], kept["scores"]))


def held_out(total: int, *, seed: int = 0) -> Rows:
    """Rows of the queries, in order: `(q,) int64`."""
    size = min(_QUERIES, max(1, total // _HELD_OUT))
    drawn = np.random.default_rng([seed, 1]).choice(total, size=size, replace=False)
    return np.sort(drawn).astype(np.int64)


def training_rows(total: int, *, wanted: int, queries: Rows, seed: int = 0) -> Rows:
    """Rows to train on, in order, none of them a query where there are others: `(n,) int64`."""
    others = np.setdiff1d(np.arange(total, dtype=np.int64), queries, assume_unique=True)
    pool = others if len(others) else queries
    drawn = np.random.default_rng([seed, 2]).choice(pool, size=min(wanted, len(pool)), replace=False)
    return np.asarray(np.sort(drawn), dtype=np.int64)


def measure(search: Search, truth: Truth, live: NDArray[np.bool_], *, stored: Stored, probes: int) -> Point:
    """Recall at ten of one setting; queries whose neighbours were mostly deleted are left out.

    A row counts as found where its exact score is that of the tenth neighbour or better, whichever of
    several passages of the same text it is.
    """
    usable = np.flatnonzero(truth.usable(live))
    if not len(usable):
        return Point(probes, 0.0 if live.sum() > 1 else 1.0, 0.0)
    rows, scores = truth.tenth(live)
    found = search(truth.queries[usable], AT + 1, probes)
    shares = [
        _hits(truth, int(i), answer[live[answer] & (answer >= 0)], int(row), float(score), stored)
        / _wanted(live)
        for i, answer, row, score in zip(usable, found, rows, scores, strict=True)
    ]
    mean = float(np.mean(shares))
    return Point(probes, mean, mean - _Z * float(np.std(shares)) / len(shares) ** 0.5)


def curve(
    search: Search,
    truth: Truth,
    live: NDArray[np.bool_],
    *,
    stored: Stored,
    lists: int,
    target: float,
) -> tuple[Point, ...]:
    """Recall by lists visited, doubled until its lower bound reaches the target or no list is left.

    The number half way back is taken where it reaches the target, too. The last point is the operating point:
    where visiting four times as many lists found nothing more, what is missing lies in the codes and not in
    the lists, and the smaller number is enough.
    """
    points: list[Point] = []
    probes = 1
    while True:
        points.append(measure(search, truth, live, stored=stored, probes=probes))
        if _flat(points, target):
            return tuple(points[:-2])
        if points[-1].low >= target or probes >= lists:
            break
        probes = min(2 * probes, lists)
    if points[-1].low >= target and len(points) > 1 and probes - points[-2].probes > 1:
        between = (probes + points[-2].probes) // 2
        fewer = measure(search, truth, live, stored=stored, probes=between)
        if fewer.low >= target:
            points[-1] = fewer
    return tuple(points)


def _flat(points: Sequence[Point], target: float) -> bool:
    """Whether the mean was enough with a fourth of the lists, and has not grown since."""
    return len(points) >= 3 and points[-3].recall >= target and points[-1].recall - points[-3].recall < 0.0005


def require(point: Point, target: float) -> None:
    """Refuse an index below its target.

    Raises:
        KnowledgeError: It is below.
    """
    if point.recall < target:
        raise KnowledgeError(
            f"The vector index finds {point.recall:.3f} of the exact ten best with {point.probes} lists "
            f"visited, below the target of {target}, and was not published: "
            "choose a larger kind or a lower target."
        )


def _wanted(live: NDArray[np.bool_]) -> int:
    return min(AT, max(1, int(live.sum()) - 1))


def _hits(truth: Truth, i: int, answer: Rows, row: int, score: float, stored: Stored) -> int:  # noqa: PLR0917
    """Rows of an answer that are as near as the tenth neighbour, in `row`, at least."""
    answer = answer[answer != truth.own[i]][:AT]
    near = truth.neighbours.scores[i] >= score - _TIE
    listed = np.isin(answer, truth.neighbours.rows[i][near])
    hits = int(listed.sum())
    if near[-1] and hits < len(answer):  # more passages of that score than are kept: compare the others
        query = truth.queries[i]
        apart = stored(answer[~listed]) @ query - stored(np.array([row])) @ query
        hits += int((np.abs(apart) <= _TIE).sum())
    return hits
