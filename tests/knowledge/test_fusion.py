import pytest

from knowledge.retrieval.fusion import candidates, fuse


def test_scores_are_sums_of_reciprocal_ranks_by_hand() -> None:
    found = fuse([["a", "b", "c"], ["c", "a"]], constant=1)
    assert [key for key, _ in found] == ["a", "c", "b"]
    assert [score for _, score in found] == pytest.approx([1 / 2 + 1 / 3, 1 / 4 + 1 / 2, 1 / 3])


def test_equal_scores_are_ordered_by_key() -> None:
    found = fuse([[2, 1], [1, 2]])
    assert [key for key, _ in found] == [1, 2]
    assert found[0][1] == found[1][1] == pytest.approx(1 / 101 + 1 / 102)


def test_more_candidates_are_asked_for_than_are_returned() -> None:
    assert [candidates(limit) for limit in (1, 50, 80)] == [100, 100, 160]


def test_an_empty_ranking_changes_nothing_and_none_give_none() -> None:
    assert fuse([["a"], []]) == fuse([["a"]])
    assert fuse(list[list[str]]()) == []
