from collections.abc import Sequence

import pytest

from knowledge.errors import KnowledgeError
from knowledge.retrieval.fusion import Fusion
from knowledge.retrieval.hits import Hit


class Fixed:
    """Gives the same ranking to every query and notes how many hits were asked for."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids
        self.asked = 0

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        self.asked = limit
        return [[Hit(id_, 9.0 - i, i + 1) for i, id_ in enumerate(self.ids[:limit])] for _ in queries]


def test_scores_are_sums_of_reciprocal_ranks_by_hand() -> None:
    (hits,) = Fusion([Fixed("a", "b", "c"), Fixed("c", "a")], constant=1).search(["q"], limit=3)
    assert [(hit.passage_id, hit.rank) for hit in hits] == [("a", 1), ("c", 2), ("b", 3)]
    assert [hit.score for hit in hits] == pytest.approx([1 / 2 + 1 / 3, 1 / 4 + 1 / 2, 1 / 3])


def test_equal_scores_are_ordered_by_id() -> None:
    (hits,) = Fusion([Fixed("b", "a"), Fixed("a", "b")]).search(["q"], limit=2)
    assert [hit.passage_id for hit in hits] == ["a", "b"]
    assert hits[0].score == hits[1].score == pytest.approx(1 / 101 + 1 / 102)


def test_more_candidates_are_asked_for_than_are_returned() -> None:
    retriever = Fixed(*(f"p{i:03}" for i in range(500)))
    assert len(Fusion([retriever]).search(["q"], limit=7)[0]) == 7
    assert retriever.asked == 100
    assert len(Fusion([retriever]).search(["q"], limit=80)[0]) == 80
    assert retriever.asked == 160


def test_each_query_is_fused_by_itself() -> None:
    fused = Fusion([Fixed("a"), Fixed()])
    assert [[hit.passage_id for hit in hits] for hits in fused.search(["q", "r"], limit=5)] == [["a"], ["a"]]
    assert fused.search([], limit=5) == []


def test_a_fusion_is_itself_a_retriever() -> None:
    inner = Fusion([Fixed("a", "b"), Fixed("b")])
    assert [hit.passage_id for hit in Fusion([inner, Fixed("a")]).search(["q"], limit=2)[0]] == ["a", "b"]


def test_nothing_to_fuse_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="No retriever"):
        Fusion([])
