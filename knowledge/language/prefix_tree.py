"""Prompts as a tree of tokens, so that what several of them begin with is computed once.

A yes/no prompt is the same examples, then a report, then one of many short questions. Sorted, prompts with a
common start are neighbours, and how much each shares with the one before tells the cost of every grouping.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

NODES = 640
"""Bound of the tokens of one tree: its attention costs their square."""
WORTH = 32
"""A common start of fewer tokens is computed again rather than by itself."""

Row = Sequence[int]


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring rows that are computed as one tree.

    Attributes:
        first: Place of the first among the sorted rows.
        end: One after the last.
        size: Tokens of the tree.
    """

    first: int
    end: int
    size: int


@dataclass(frozen=True, slots=True)
class Stem:
    """A common start, read once, and what goes on from it.

    Attributes:
        first: Place of a row with that start.
        known: Tokens that were read before this start.
        length: Tokens of the start, those before included.
        parts: Rows that go on from it.
        stems: Longer starts of further rows.
    """

    first: int
    known: int
    length: int
    parts: tuple[Part, ...]
    stems: tuple["Stem", ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """Some rows without their common start, each shared token once; the last token of each row stands last.

    Attributes:
        tokens: `(t,)`.
        depth: `(t,)`, place of each token in its rows, counted after the start.
        sees: `(t, t) bool`, the tokens before each token in its rows, and itself.
        ends: Number of rows; the last `ends` tokens are theirs, in order.
    """

    tokens: NDArray[np.int64]
    depth: NDArray[np.int64]
    sees: NDArray[np.bool_]
    ends: int


def shared_with_previous(rows: Sequence[Row]) -> list[int]:
    """How many leading tokens each row shares with the one before; 0 for the first."""
    return [0] * bool(rows) + [_shared(a, b) for a, b in pairwise(rows)]


def _shared(first: Row, second: Row) -> int:
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    low, high = 0, length  # bisection, because comparing slices is fast
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if first[low:middle] == second[low:middle] else (low, middle)
    return low


class Planner:
    """Groups sorted, distinct rows so that long common starts are read once and trees stay small."""

    def __init__(self, rows: Sequence[Row], *, nodes: int = NODES, worth: int = WORTH) -> None:
        self.lengths = [len(row) for row in rows]
        self.shared = shared_with_previous(rows)
        self.nodes, self.worth = nodes, worth
        new = (length - same for length, same in zip(self.lengths, self.shared, strict=True))
        self.before = list(accumulate(new, initial=0))

    def plan(self) -> Stem:
        """The grouping of all rows."""
        return self._stem(0, len(self.lengths), 0)

    def size(self, first: int, end: int, known: int) -> int:
        """Tokens of the tree of rows `first` to `end` after a start of `known` tokens."""
        return self.before[end] - self.before[first] + self.shared[first] - known

    def _stem(self, first: int, end: int, known: int) -> Stem:
        # a row's last token stays outside, because its logits are what is asked for
        common = min(min(self.shared[first + 1 : end], default=0), min(self.lengths[first:end]) - 1)
        long = common - known >= self.worth and self.size(first, end, known) > self.nodes
        length = common if long else known
        parts, stems, start = [], [], first
        while first < end:
            cut, rest = self._cut(first, end, length)
            if rest is None:
                parts.append(Part(first, cut, self.size(first, cut, length)))
                first = cut
            else:
                stems.append(self._stem(first, rest, length))
                first = rest
        return Stem(start, known, length, tuple(parts), tuple(stems))

    def _cut(self, first: int, end: int, known: int) -> tuple[int, int | None]:
        """Where the next tree ends: where neighbours share least; or the end of rows with one long start."""
        bound = self.nodes + self.before[first] - self.shared[first] + known
        full = max(bisect_right(self.before, bound, first, end + 1) - 1, first + 1)
        if full >= end:
            return end, None
        least = min(self.shared[first + 1 : full + 1])
        if least - known > self.worth:  # the last token of a row that others go on from stays outside
            return full, next((i for i in range(full, end) if self.shared[i] < least), end)
        return max(i for i in range(first + 1, full + 1) if self.shared[i] == least), None


def grow(rows: Sequence[Row], start: int) -> Tree:
    """The tree of sorted, distinct rows that have the first `start` tokens in common."""
    shared = [start, *shared_with_previous(rows)[1:]]
    total = sum(len(row) - same for row, same in zip(rows, shared, strict=True))
    tokens, depth = np.zeros(total, np.int64), np.zeros(total, np.int64)
    sees = np.zeros((total, total), np.bool_)
    path: list[int] = []
    ends, used = [], 0
    for row, same in zip(rows, shared, strict=True):
        new = np.arange(used, used + len(row) - same)
        tokens[new], depth[new] = row[same:], np.arange(same, len(row)) - start
        path = path[: same - start]
        sees[np.ix_(new, np.array(path, np.int64))] = True
        sees[np.ix_(new, new)] = np.tri(len(new), dtype=np.bool_)
        path += new.tolist()
        ends.append(path[-1])
        used += len(new)
    order = np.concatenate([np.setdiff1d(np.arange(total), ends), np.array(ends, np.int64)])
    return Tree(tokens[order], depth[order], sees[np.ix_(order, order)], len(ends))
