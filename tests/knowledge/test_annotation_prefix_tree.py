"""Prompts read as a tree of tokens: nothing lost, nothing read twice, and the same answers."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.language.prefix_tree import Planner, Stem, grow, shared_with_previous

FEW = [9] * 40
REPORTS = [[1] * 50, [1] * 48 + [2] * 20, [3] * 60]
QUESTIONS = [[5, *tail, 6, 7] for tail in ([1, 2], [1, 3], [1, 2, 4], [2, 2], [2, 8])]
ROWS = sorted(tuple(FEW + report + question) for report in REPORTS for question in QUESTIONS)


def walk(stem: Stem) -> Iterator[Stem]:
    yield stem
    for longer in stem.stems:
        yield from walk(longer)


def rebuilt(rows: Sequence[Sequence[int]], nodes: int, worth: int) -> list[tuple[int, ...]]:
    """The rows as the trees spell them, in order."""
    found = {}
    for stem in walk(Planner(rows, nodes=nodes, worth=worth).plan()):
        for part in stem.parts:
            tree = grow(rows[part.first : part.end], stem.length)
            assert len(tree.tokens) == part.size
            for k in range(tree.ends):
                seen = np.flatnonzero(tree.sees[len(tree.tokens) - tree.ends + k])
                seen = seen[np.argsort(tree.depth[seen])]
                assert tree.depth[seen].tolist() == list(range(len(seen)))
                start = tuple(rows[part.first][: stem.length])
                found[part.first + k] = (*start, *tree.tokens[seen].tolist())
    return [found[i] for i in range(len(rows))]


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), min_size=1, max_size=25),
    st.integers(1, 30),
    st.integers(1, 4),
)
def test_trees_spell_every_row_once(rows: set[tuple[int, ...]], nodes: int, worth: int) -> None:
    ordered = sorted(rows)
    assert rebuilt(ordered, nodes, worth) == ordered


def test_shared_tokens_are_counted_as_a_plain_loop_counts_them() -> None:
    pairs = itertools.pairwise(ROWS)
    counted = [next(i for i in range(len(a)) if a[i] != b[i]) for a, b in pairs]
    assert shared_with_previous(ROWS) == [0, *counted]


def test_examples_and_each_report_are_read_once() -> None:
    stem = Planner(ROWS, nodes=100, worth=32).plan()
    distinct = {row[: i + 1] for row in ROWS for i in range(len(row))}  # nodes of the one tree of all rows
    read = sum(each.length - each.known + sum(part.size for part in each.parts) for each in walk(stem))
    # two reports begin alike: read apart, the second costs its 48 common tokens again
    assert len(distinct) <= read <= len(distinct) + 48
    assert stem.length == len(FEW)


def test_many_questions_share_one_reading_of_a_long_report() -> None:
    report = FEW + [1] * 300
    rows = sorted((*report, 10 + i, 11, 12) for i in range(100))
    (only,) = walk(Planner(rows, nodes=60, worth=32).plan())
    assert (only.known, only.length) == (0, len(report))
    assert sum(part.size for part in only.parts) == 300
    assert max(part.size for part in only.parts) <= 60
