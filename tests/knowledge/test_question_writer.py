"""Sentences worth a question, the form of questions, and the writer."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language import Sampling
from knowledge.passages import Passage
from knowledge.prompts import Prompt
from knowledge.question_writer import QuestionWriter, tidy
from knowledge.quotes import best_quote, candidate_sentences, is_verbatim, missing_words, support
from knowledge.vocabulary import content_words
from knowledge.wellformed import is_plural, is_well_formed


def passage(text: str, name: str = "p#1") -> Passage:
    return Passage(name, "title", text, "s", "l", "x")


SIGN = "Blunting of the costophrenic angle is the earliest sign of pleural fluid."
TEXT = (
    f"Signs of effusion\n{SIGN} Patients with fever and cough are treated with antibiotics for two weeks. "
    "The incidence in women over sixty rose to nine percent in that study. "
    "A sharply outlined round white nodule lies in the left upper lobe. Is the lung opaque and white there? "
    "White line. Sources: Felson, Principles of chest roentgenology, lung and heart borders."
)


def test_only_sentences_about_visible_signs_are_candidates() -> None:
    found = candidate_sentences(passage(TEXT))
    assert {each.quote for each in found} == {
        SIGN,
        "A sharply outlined round white nodule lies in the left upper lobe.",
    }
    assert all(is_verbatim(each, passage(TEXT)) for each in found)


def test_a_quote_that_was_moved_is_not_verbatim() -> None:
    (first, *_) = candidate_sentences(passage(TEXT))
    assert not is_verbatim(first, passage("x" + TEXT))
    assert not is_verbatim(first, passage(TEXT.lower()))


def test_content_words_are_stems_without_function_words() -> None:
    assert content_words("Is the costophrenic angle blunted?") <= content_words(SIGN)
    assert content_words("Is there a bluish veil?") == content_words("blue veils")
    assert content_words("Is it visible in the image?") == frozenset()


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Is the costophrenic angle blunted?", 0),
        ("Is there bilateral blunting of the costophrenic angle?", 1),
        ("Is there pleural fluid without blunting?", 1),
        ("Are there nodules?", 1),
    ],
)
def test_words_that_the_quote_lacks_are_found(question: str, missing: int) -> None:
    assert len(missing_words(question, [SIGN])) == missing
    assert (support(question, SIGN) == 1.0) == (missing == 0)


def test_the_best_quote_holds_most_of_the_question() -> None:
    passages = [passage("The costophrenic angle of a normal film is sharp and deep."), passage(TEXT, "q#1")]
    found = best_quote("Is the costophrenic angle blunted?", passages)
    assert found is not None
    assert (found[0].quote, found[0].passage_id, found[1]) == (SIGN, "q#1", 1.0)
    assert best_quote("Is the spleen calcified?", [passages[0]]) is None


GOOD = """
Is the costophrenic angle blunted?
Is the trachea shifted away from the midline?
Is the aorta calcified?
Is the heart larger than half of the chest?
Are the hila prominent?
Are there short horizontal lines at the lung periphery?
Are there irregular streaks and dots?
Are the edges of the lesion ragged?
Is there a mass in the left upper lobe?
Does the left heart border bulge outward?
""".strip().splitlines()
BAD = """
Is the lungs dark?
Are there a white line?
Are the trachea shifted?
Is the hilum of the lymph nodes?
Is the central vasculature?
Is there a sign of pneumonia?
Does the sign suggest a central mass?
Is there no pleural effusion?
Is the angle the angle?
Does the heart have a narrow heart?
Is there a line in the
Is it?
Is there a chest X-ray showing a large mass?
Is there air or mass on that side?
Is there a light?
What is the color of the lesion?
Are the lines white. Are they thin?
Is there a white area that is seen at the very upper outer edge of the lower left lobe of lung?
""".strip().splitlines()


@pytest.mark.parametrize("question", GOOD)
def test_questions_in_good_form_pass(question: str) -> None:
    assert is_well_formed(question)


@pytest.mark.parametrize("question", BAD)
def test_questions_in_bad_form_fail(question: str) -> None:
    assert not is_well_formed(question)


def test_plurals_are_told_from_words_that_end_alike() -> None:
    assert all(map(is_plural, ["lines", "hila", "bullae", "opacities"]))
    assert not any(map(is_plural, ["mass", "thymus", "kyphosis", "hilum", "gas"]))


def test_tidy_leaves_one_question_mark_and_single_blanks() -> None:
    assert tidy(" is the  heart large?? ") == "Is the heart large?"


class ScriptedModel:
    """Continues each opening as a table says."""

    digest = "scripted"

    def __init__(self, replies: dict[str, str]) -> None:
        self.replies = replies
        self.calls = 0

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        self.calls += 1
        assert sampling.temperature == 0
        return [[self.replies[prompt.rsplit("|", 1)[1]]] for prompt in prompts]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        raise NotImplementedError


PROMPT = Prompt("p", "{sentence}|{opening}")


def test_the_writer_puts_supported_and_full_questions_first_and_drops_broken_ones() -> None:
    model = ScriptedModel(
        {
            "Is the": "costophrenic angle blunted",
            "Are the": "costophrenic angle blunted",
            "Is there": "bilateral blunting of the costophrenic angle",
            "Are there": "blunted costophrenic angles with pleural fluid",
        }
    )
    (questions,) = QuestionWriter(model, prompt=PROMPT).write([SIGN])
    assert questions == [
        "Are there blunted costophrenic angles with pleural fluid?",
        "Is the costophrenic angle blunted?",
        "Is there bilateral blunting of the costophrenic angle?",
    ]


def test_all_sentences_of_a_call_go_to_the_model_at_once() -> None:
    model = ScriptedModel({"Is there": "a white line"})
    writer = QuestionWriter(model, prompt=PROMPT, openings=("Is there",))
    assert writer.write(["A white line.", "White\nlines."]) == [["Is there a white line?"]] * 2
    assert model.calls == 1


def test_a_prompt_without_a_place_for_the_sentence_is_refused() -> None:
    with pytest.raises(KnowledgeError, match=r"needs exactly \{opening\}, \{sentence\}"):
        QuestionWriter(ScriptedModel({}), prompt=Prompt("mine", "{opening}"))
