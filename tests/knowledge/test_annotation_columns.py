import numpy as np
import pytest

from knowledge.annotation.columns import ExpertColumn, expert_annotations
from knowledge.annotation.table import Answer
from knowledge.errors import KnowledgeError

_VEIL = ExpertColumn("blue_whitish_veil", "Is a blue-white veil visible?", yes=("P",), no=("A",))
_NETWORK = ExpertColumn(
    "pigment_network", "Is the pigment network atypical?", yes=("AT",), no=("T",), unknown=("?",)
)
_IDS = {_VEIL.question: "veil-1", _NETWORK.question: "network-2"}
_IMAGES = {
    "IMD1": {"blue_whitish_veil": "P", "pigment_network": "T"},
    "IMD2": {"blue_whitish_veil": "A", "pigment_network": "?"},
    "IMD3": {"blue_whitish_veil": "", "pigment_network": "AT"},
}


def test_levels_become_answers_by_the_declared_mapping() -> None:
    table = expert_annotations(_IMAGES, [_VEIL, _NETWORK], concept_ids=_IDS, dataset="ph2")
    assert table.report_ids == ("IMD1", "IMD2", "IMD3")
    assert table.concept_ids == ("veil-1", "network-2")
    assert table.annotator == "expert:ph2"
    expected = [[Answer.YES, Answer.NO], [Answer.NO, Answer.UNKNOWN], [Answer.UNKNOWN, Answer.YES]]
    np.testing.assert_array_equal(table.answer, expected)
    np.testing.assert_array_equal(table.probability, [[1, 0], [0, 0.5], [0.5, 1]])


def test_an_undeclared_level_is_named() -> None:
    images = {"IMD1": {"blue_whitish_veil": "X"}}
    with pytest.raises(KnowledgeError, match="'blue_whitish_veil' of ph2 holds the undeclared level 'X'"):
        expert_annotations(images, [_VEIL], concept_ids=_IDS, dataset="ph2")


def test_a_missing_column_is_named_with_those_that_exist() -> None:
    with pytest.raises(KnowledgeError, match="no column 'blue_whitish_veil'; the columns are streaks"):
        expert_annotations({"IMD1": {"streaks": "P"}}, [_VEIL], concept_ids=_IDS, dataset="ph2")


def test_a_level_with_two_meanings_is_refused() -> None:
    column = ExpertColumn("streaks", "Are there streaks?", yes=("P",), no=("P",))
    with pytest.raises(KnowledgeError, match="declares the level 'P' twice"):
        expert_annotations({}, [column], concept_ids=_IDS, dataset="ph2")


def test_a_question_without_a_concept_is_told() -> None:
    with pytest.raises(KnowledgeError, match="no concept asks 'Is a blue-white veil visible"):
        expert_annotations(_IMAGES, [_VEIL], concept_ids={}, dataset="ph2")
