import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.retrieval.engine import Rows, Vectors, exact
from knowledge.retrieval.recall import AT, Truth, curve, held_out, measure, require, training_rows


def _vectors(count: int) -> Vectors:
    vectors = np.random.default_rng(3).normal(size=(count, 16)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _truth(vectors: Vectors, own: Rows, *, pieces: int) -> Truth:
    truth = Truth.of(vectors[own], own)
    for rows in np.array_split(np.arange(len(vectors)), pieces):
        found = exact(truth.queries, vectors[rows], first_row=int(rows[0]), limit=AT * 4 + 1)
        truth = truth.extended([found])
    return truth


def _exact_search(vectors: Vectors, live: NDArray[np.bool_], wrong: int = 0) -> "Search":
    return Search(vectors, live, wrong)


class Search:
    """Brute force over live rows whose last `wrong` rows are replaced by -1, one fewer a probe."""

    def __init__(self, vectors: Vectors, live: NDArray[np.bool_], wrong: int) -> None:
        self.vectors, self.live, self.wrong = vectors, live, wrong

    def __call__(self, queries: Vectors, limit: int, probes: int) -> Rows:
        scores = np.where(self.live, queries @ self.vectors.T, -9)
        rows = np.argsort(-scores, axis=1, kind="stable")[:, :limit]
        rows[:, limit - max(0, self.wrong - probes) :] = -1
        return np.asarray(rows, dtype=np.int64)


def _recall(search: Search, truth: Truth, live: NDArray[np.bool_]) -> float:
    return measure(search, truth, live, stored=search.vectors.__getitem__, probes=1).recall


def test_an_exact_search_has_recall_one_and_each_miss_costs_a_tenth() -> None:
    vectors, live = _vectors(400), np.ones(400, dtype=bool)
    truth = _truth(vectors, held_out(400), pieces=3)
    assert _recall(_exact_search(vectors, live), truth, live) == 1.0
    assert measure(
        _exact_search(vectors, live, wrong=4), truth, live, stored=vectors.__getitem__, probes=1
    ).recall == pytest.approx(0.7)


def test_the_truth_stays_exact_when_passages_come_and_go() -> None:
    vectors, live = _vectors(400), np.ones(400, dtype=bool)
    live[np.random.default_rng(4).choice(400, size=150, replace=False)] = False
    own = held_out(300)
    grown = _truth(vectors, own, pieces=5)
    assert _recall(_exact_search(vectors, live), grown, live) == 1.0
    everything = np.ones(400, dtype=bool)
    assert _recall(_exact_search(vectors, everything), grown, live) < 0.9


def test_the_curve_ends_where_the_target_is_reached_or_refuses() -> None:
    vectors, live = _vectors(300), np.ones(300, dtype=bool)
    truth = _truth(vectors, held_out(300), pieces=1)
    stored = vectors.__getitem__
    points = curve(_exact_search(vectors, live, wrong=6), truth, live, stored=stored, lists=64, target=0.79)
    assert [point.probes for point in points] == [1, 2, 4]
    assert [point.recall for point in points] == pytest.approx([0.5, 0.6, 0.8])
    points = curve(_exact_search(vectors, live, wrong=99), truth, live, stored=stored, lists=16, target=0.8)
    with pytest.raises(
        KnowledgeError, match=r"finds 0\.000 of the exact ten best with 16 lists visited, below"
    ):
        require(
            curve(_exact_search(vectors, live, wrong=99), truth, live, stored=stored, lists=16, target=0.8)[
                -1
            ],
            0.8,
        )


def test_the_number_half_way_back_is_taken_where_it_is_enough() -> None:
    vectors, live = _vectors(300), np.ones(300, dtype=bool)
    truth = _truth(vectors, held_out(300), pieces=1)
    options = {"stored": vectors.__getitem__, "lists": 64}
    search = _exact_search(vectors, live, wrong=6)  # one row fewer is wrong with every list visited
    points = curve(search, truth, live, **options, target=0.99)  # type: ignore[arg-type]
    assert [point.probes for point in points] == [1, 2, 4, 6]
    assert points[-1].recall == 1.0


def test_no_more_lists_are_visited_than_find_anything() -> None:
    vectors, live = _vectors(300), np.ones(300, dtype=bool)
    truth = _truth(vectors, held_out(300), pieces=1)
    exact = _exact_search(vectors, live)

    def every_tenth_query_finds_nothing(queries: Vectors, limit: int, probes: int) -> Rows:
        found = exact(queries, limit, probes).copy()
        found[::10] = -1
        return found

    options = {"stored": vectors.__getitem__, "lists": 64}
    (point,) = curve(every_tenth_query_finds_nothing, truth, live, **options, target=0.89)  # type: ignore[arg-type]
    assert point.low < 0.89 < point.recall < 0.91
    assert point.probes == 1


def test_queries_are_kept_out_of_the_training_sample() -> None:
    queries = held_out(2000)
    sample = training_rows(2000, wanted=1200, queries=queries)
    assert len({*queries.tolist()}) == 500
    assert len({*sample.tolist()}) == 1200
    assert not {*queries.tolist()} & {*sample.tolist()}
    assert held_out(1).tolist() == training_rows(1, wanted=9, queries=held_out(1)).tolist() == [0]


@pytest.mark.parametrize("copies", [3, 120])
def test_any_passage_of_the_same_text_is_as_good_as_the_one_expected(copies: int) -> None:
    vectors = np.repeat(_vectors(40), copies, axis=0)
    live, own = np.ones(len(vectors), dtype=bool), np.arange(0, len(vectors), 3 * copies)
    truth = _truth(vectors, own, pieces=1)

    def last_copies_first(queries: Vectors, limit: int, probes: int) -> Rows:
        del probes
        scores = np.round(queries @ vectors.T, 5)
        return np.asarray([np.lexsort((-np.arange(len(vectors)), -row))[:limit] for row in scores])

    assert measure(last_copies_first, truth, live, stored=vectors.__getitem__, probes=1).recall == 1.0
    wrong = [np.argsort(vectors @ query)[:11] for query in vectors[own]]
    point = measure(lambda *_: np.array(wrong), truth, live, stored=vectors.__getitem__, probes=1)
    assert point.recall == 0.0


def test_queries_drawn_anew_have_their_exact_neighbours() -> None:
    vectors, live = _vectors(3000), np.zeros(3000, dtype=bool)
    live[np.random.default_rng(1).choice(3000, 70, replace=False)] = True
    assert not _truth(vectors, held_out(3000), pieces=1).suffices(live)
    truth = Truth.redrawn(vectors.__getitem__, live)
    assert truth.suffices(live)
    for own, rows in zip(truth.own, truth.neighbours.rows, strict=True):
        scores = np.where(live, vectors @ vectors[own], -9)
        assert rows.tolist() == np.argsort(-scores, kind="stable")[: len(rows)].tolist()
