"""How many of the exact ten best a vector index finds: measured on held-out queries, kept with the index.

The queries are passages of the index itself, drawn at random and kept out of the training sample; a query is
no answer to itself. Their exact neighbours come from comparing them with every vector once, when that vector
comes in, so that the measurement stays exact while passages are added and deleted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.retrieval.engine import Found, Rows, Vectors, best
from knowledge.retrieval.manifest import Point

AT = 10
DEPTH = 40
"""Exact neighbours kept a query: ten are asked for, the others stand in for deleted ones."""

_QUERIES = 500
_Z = 1.645  # one-sided 95 %

Search = Callable[[Vectors, int, int], Rows]
"""Queries `(q, d)`, limit and probes to rows `(q, limit)`."""


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

    def extended(self, found: Sequence[Found]) -> Self:
        """With the neighbours among vectors that came in, each compared exactly."""
        return replace(self, neighbours=best([self.neighbours, *found], limit=DEPTH + 1))

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
    drawn = np.random.default_rng([seed, 1]).choice(total, size=min(_QUERIES, total), replace=False)
    return np.sort(drawn).astype(np.int64)


def training_rows(total: int, *, wanted: int, queries: Rows, seed: int = 0) -> Rows:
    """Rows to train on, in order, none of them a query where there are others: `(n,) int64`."""
    others = np.setdiff1d(np.arange(total, dtype=np.int64), queries, assume_unique=True)
    pool = others if len(others) else queries
    drawn = np.random.default_rng([seed, 2]).choice(pool, size=min(wanted, len(pool)), replace=False)
    return np.asarray(np.sort(drawn), dtype=np.int64)


def measure(search: Search, truth: Truth, live: NDArray[np.bool_], *, probes: int) -> Point:
    """Recall at ten of one setting; queries whose neighbours were mostly deleted are left out."""
    expected = [_others(rows, own, live) for rows, own in zip(truth.neighbours.rows, truth.own, strict=True)]
    wanted = min(AT, max(1, int(live.sum()) - 1))
    usable = [i for i, rows in enumerate(expected) if len(rows) >= wanted]
    if not usable:
        return Point(probes, 0.0 if live.sum() > 1 else 1.0, 0.0)
    found = search(truth.queries[usable], AT + 1, probes)
    shares = [
        len({*expected[i].tolist()} & {*_others(rows, int(truth.own[i]), live).tolist()}) / len(expected[i])
        for i, rows in zip(usable, found, strict=True)
    ]
    mean = float(np.mean(shares))
    return Point(probes, mean, mean - _Z * float(np.std(shares)) / len(shares) ** 0.5)


def curve(
    search: Search, truth: Truth, live: NDArray[np.bool_], *, lists: int, target: float
) -> tuple[Point, ...]:
    """Recall by lists visited, doubled until its lower bound reaches the target or no list is left.

    The last point is the operating point.

    Raises:
        KnowledgeError: The target is not reached with all lists visited.
    """
    points: list[Point] = []
    probes = 1
    while True:
        points.append(measure(search, truth, live, probes=probes))
        if points[-1].low >= target or probes >= lists or _flat(points, target):
            break
        probes = min(2 * probes, lists)
    require(points[-1], target)
    return tuple(points)


def _flat(points: Sequence[Point], target: float) -> bool:
    """Whether visiting four times as many lists found nothing more, and the mean is enough."""
    return len(points) >= 3 and points[-1].recall >= target and points[-1].recall - points[-3].recall < 0.0005


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


def _others(rows: Rows, own: int, live: NDArray[np.bool_]) -> Rows:
    there = rows[(rows >= 0) & (rows != own)]
    return np.asarray(there[live[there]][:AT])
