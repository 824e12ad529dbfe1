"""Sentences as radiologists write them, with the answer that a reader gives."""

from collections.abc import Mapping

import numpy as np
import pytest

from knowledge.annotation.lexicon import Lexicon, load_lexicon
from knowledge.annotation.linking import link
from knowledge.annotation.rules import PROBABILITY, RuleAnnotator
from knowledge.annotation.table import Answer, Report
from knowledge.concepts import Concept

YES, NO, UNKNOWN, SILENT = "yes", "no", "unknown", "silent"
EFFUSION = "Is there a pleural effusion?"
PNEUMOTHORAX = "Is there a pneumothorax?"
HEART = "Is the heart enlarged?"
OPACITY = "Is there a lung opacity?"


@pytest.fixture(scope="module")
def chest() -> Lexicon:
    return load_lexicon("chest_xray")


@pytest.fixture(scope="module")
def skin() -> Lexicon:
    return load_lexicon("skin")


def answer(lexicon: Lexicon, text: str, question: str) -> str:
    table = RuleAnnotator(lexicon).annotate([Report("r", text)], [Concept("c", question, (), "")])
    said, probability = Answer(int(table.answer[0, 0])), float(table.probability[0, 0])
    if said is Answer.NO:
        return NO if probability == pytest.approx(0.03) else SILENT
    return {Answer.YES: YES, Answer.UNKNOWN: UNKNOWN}[said]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Small left pleural effusion.", YES),
        ("No pleural effusion.", NO),
        ("No pneumothorax, consolidation or effusion.", NO),
        ("The lungs are without focal consolidation, pneumothorax or effusion.", NO),
        ("No change in the effusion.", YES),
        ("No significant interval change in small bilateral effusions.", YES),
        ("Stable small effusion.", YES),
        ("Possible small effusion.", UNKNOWN),
        ("Blunting which may represent a small effusion.", UNKNOWN),
        ("A small effusion cannot be excluded.", UNKNOWN),
        ("Cannot exclude a small effusion.", UNKNOWN),
        ("Thickening versus effusion.", UNKNOWN),
        ("The effusion has resolved.", NO),
        ("Interval resolution of the right effusion.", NO),
        ("Scarring rather than effusion.", NO),
        ("No pneumothorax, but a small effusion.", YES),
        ("No cardiomegaly with bilateral small pleural effusions.", YES),
        ("No pneumothorax. Effusion is present.", YES),
        ("Effusion is not seen.", NO),
        ("The lungs do not demonstrate infiltrate or effusion.", NO),
        ("Negative for effusion.", NO),
        ("No pneumothorax, possible effusion.", UNKNOWN),
        ("Small bilateral effusions suspected.", UNKNOWN),
        ("Effusion versus thickening.", YES),
        ("Large pericardial effusion.", SILENT),
        ("Lungs are clear.", SILENT),
        ("Right effusion. No left effusion.", YES),
        ("Possible effusion on the frontal view. No effusion on the lateral view.", UNKNOWN),
    ],
)
def test_effusion_is_read_with_negation_doubt_and_change(chest: Lexicon, text: str, expected: str) -> None:
    assert answer(chest, text, EFFUSION) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Heart size is normal.", NO),
        ("Cardiomediastinal silhouette within normal limits.", NO),
        ("Normal heart size and mediastinal contours.", NO),
        ("Heart size and pulmonary vascularity appear within normal limits.", NO),
        ("The heart is not significantly enlarged.", NO),
        ("Stable cardiomegaly.", YES),
        ("The heart is mildly enlarged.", YES),
        ("Enlarged cardiac silhouette.", YES),
        ("Heart size upper limits of normal.", NO),
        ("Low lung volumes.", SILENT),
    ],
)
def test_heart_size_is_read_from_findings_and_normal_statements(
    chest: Lexicon, text: str, expected: str
) -> None:
    assert answer(chest, text, HEART) == expected


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("Lungs are clear.", OPACITY, NO),
        ("Lungs are clear.", "Is there airspace consolidation?", NO),
        ("Dense consolidation of the right lower lobe.", OPACITY, YES),
        ("Opacity in the left base.", "Is there airspace consolidation?", SILENT),
        ("No focal opacity.", OPACITY, NO),
        ("Blunting of the left costophrenic XXXX.", "Is the costophrenic angle blunted?", YES),
        ("Costophrenic angles are sharp.", "Is the costophrenic angle blunted?", NO),
        ("Lungs are hyperexpanded with flattening of the diaphragms.", "Is the diaphragm flattened?", YES),
        ("The aorta is calcified and tortuous.", "Is the aorta tortuous?", YES),
        ("Scattered calcified granulomas.", "Is there a calcified granuloma?", YES),
        ("Median sternotomy XXXX are intact.", "Are there sternotomy wires?", YES),
        ("Extensive subcutaneous emphysema.", "Is there emphysema?", SILENT),
        ("Bronchovascular crowding without edema.", "Is there bronchovascular crowding?", YES),
    ],
)
def test_signs_are_found_as_reports_word_them(
    chest: Lexicon, text: str, question: str, expected: str
) -> None:
    assert answer(chest, text, question) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INDICATION: evaluate effusion. FINDINGS: Normal heart size.", SILENT),
        ("History: known effusion.\n\nImpression: No effusion.", NO),
        ("FINDINGS: Lungs: clear. Pleura: small effusion.", YES),
        ("CLINICAL HISTORY: effusion\nFINDINGS: 1. Small effusion. 2. Clear lungs.", YES),
        ("COMPARISON: Chest with effusion. IMPRESSION: 1. Clear lungs.", SILENT),
    ],
)
def test_history_and_comparison_are_no_findings(chest: Lexicon, text: str, expected: str) -> None:
    assert answer(chest, text, EFFUSION) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Small left effusion.", YES),
        ("Bilateral effusions.", YES),
        ("Right effusion.", SILENT),
        ("No effusion.", NO),
    ],
)
def test_a_side_in_the_question_must_stand_beside_the_finding(
    chest: Lexicon, text: str, expected: str
) -> None:
    assert answer(chest, text, "Is there a left pleural effusion?") == expected


def test_a_question_outside_the_lexicon_falls_back_to_its_own_words(chest: Lexicon) -> None:
    question = "Is there an azygos lobe?"
    assert link(question, chest).findings == ()
    assert answer(chest, "Incidental azygos lobe on the right.", question) == YES
    assert answer(chest, "No azygos lobe.", question) == NO
    assert answer(chest, "The azygos vein is prominent. The middle lobe is clear.", question) == SILENT


def test_several_findings_are_joined_as_the_question_joins_them(chest: Lexicon) -> None:
    text = "Small effusion. No pneumothorax."
    assert answer(chest, text, "Is there an effusion or a pneumothorax?") == YES
    assert answer(chest, text, "Is there an effusion with a pneumothorax?") == NO


def test_a_normal_statement_can_be_asked_for(chest: Lexicon) -> None:
    assert answer(chest, "Heart size is normal.", "Is the heart size normal?") == YES
    assert answer(chest, "Moderate cardiomegaly.", "Is the heart size normal?") == NO


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("The border is irregular and indistinct.", "Is the border irregular?", YES),
        ("Regular border, no asymmetry.", "Is the lesion asymmetric?", NO),
        ("A blue-white veil covers the centre.", "Is a blue-white veil visible?", YES),
        ("No blue whitish veil.", "Is a blue-white veil visible?", NO),
        ("Atypical pigment network at the periphery.", "Is the pigment network atypical?", YES),
        ("Typical pigment network.", "Is there a pigment network?", YES),
        ("Multiple milia-like cysts.", "Are there milia-like cysts?", YES),
        ("Mixture of colors, tan through very dark brown.", "Is there colour variegation?", YES),
    ],
)
def test_skin_lesions_are_read_with_their_own_lexicon(
    skin: Lexicon, text: str, question: str, expected: str
) -> None:
    assert answer(skin, text, question) == expected


def test_silence_in_a_caption_is_unknown(chest: Lexicon) -> None:
    annotator = RuleAnnotator(chest, silence=Answer.UNKNOWN)
    table = annotator.annotate([Report("r", "Clear lungs.")], [Concept("c", PNEUMOTHORAX, (), "")])
    assert (table.answer.item(), table.probability.item()) == (Answer.UNKNOWN, 0.5)


def test_answers_do_not_depend_on_the_reports_beside(chest: Lexicon) -> None:
    texts = ["No effusion.", "Small effusion.", "Small effusion. Cardiomegaly.", "Heart size is normal.", ""]
    reports = [Report(str(i), text) for i, text in enumerate(texts)]
    concepts = [
        Concept(question, question, (), "") for question in (EFFUSION, HEART, "Is there a left effusion?")
    ]
    together = RuleAnnotator(chest).annotate(reports, concepts)
    alone = [RuleAnnotator(chest).annotate([report], concepts) for report in reports]
    np.testing.assert_array_equal(together.answer, np.vstack([table.answer for table in alone]))
    np.testing.assert_array_equal(together.probability, np.vstack([table.probability for table in alone]))


def test_progress_counts_concepts_and_the_digest_names_the_rules(chest: Lexicon, skin: Lexicon) -> None:
    seen: list[tuple[int, int]] = []
    concepts = [Concept("a", EFFUSION, (), ""), Concept("b", HEART, (), "")]
    RuleAnnotator(chest).annotate([], concepts, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    digests = {RuleAnnotator(chest).digest, RuleAnnotator(skin).digest}
    assert len(digests | {RuleAnnotator(chest, silence=Answer.UNKNOWN).digest}) == 3
    assert RuleAnnotator(chest).digest in digests


def test_probabilities_are_ordered_by_what_is_said() -> None:
    values: Mapping[object, float] = PROBABILITY
    assert sorted(values.values()) == [0.03, 0.5, 0.95]
