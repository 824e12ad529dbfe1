"""Sentences as radiologists write them, with the answer that a reader gives."""

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
    assert sorted(PROBABILITY.values()) == [0.03, 0.5, 0.95]


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("Negative for cardiomegaly, calcified granuloma or tortuous aorta.", HEART, NO),
        (
            "Negative for cardiomegaly, calcified granuloma or tortuous aorta.",
            "Is there a calcified granuloma?",
            NO,
        ),
        ("Negative for cardiomegaly, calcified granuloma or tortuous aorta.", "Is the aorta tortuous?", NO),
        ("No effusion, tortuous aorta, chronic scarring, or pneumothorax.", PNEUMOTHORAX, NO),
        ("Effusion, calcified granuloma or pneumothorax is not seen.", EFFUSION, NO),
        ("No effusion, calcified granuloma.", "Is there a calcified granuloma?", YES),
        ("No effusion or edema, calcified granuloma or scar.", "Is there a calcified granuloma?", YES),
        ("No effusion, calcified granuloma without edema or mass.", "Is there a calcified granuloma?", YES),
        ("No effusion, stable scarring or atelectasis.", "Is there atelectasis?", YES),
    ],
)
def test_an_adjective_after_a_comma_ends_a_denial_only_outside_a_list(
    chest: Lexicon, text: str, question: str, expected: str
) -> None:
    assert answer(chest, text, question) == expected


@pytest.mark.parametrize("first", ["cardiomegaly", "calcified granuloma", "sternotomy wires"])
@pytest.mark.parametrize("second", ["calcified granuloma", "tortuous aorta", "pneumothorax", "pacemaker"])
@pytest.mark.parametrize(
    "form", ["No {}, {} or {}.", "Negative for {}, {}, or {}.", "No {}, {} or {} is seen."]
)
def test_every_item_of_a_denied_chest_list_is_denied(
    chest: Lexicon, first: str, second: str, form: str
) -> None:
    items = (first, second, "pleural effusion")
    assert {answer(chest, form.format(*items), f"Is there {item}?") for item in items} == {NO}


@pytest.mark.parametrize("form", ["There is no {}, {}, {}, or {}.", "Absence of {}, {}, {} or {}."])
def test_every_item_of_a_denied_skin_list_is_denied(skin: Lexicon, form: str) -> None:
    names = (
        "irregular globules",
        "ulceration",
        "regression structures",
        "scale",
        "blue-white veil",
        "streaks",
    )
    for turn in range(len(names)):
        items = (names[turn:] + names[:turn])[:4]
        assert {answer(skin, form.format(*items), f"Is there {item}?") for item in items} == {NO}


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("The lesion is not symmetric.", "Is the lesion asymmetric?", YES),
        ("The lesion is not raised.", "Is the lesion flat?", YES),
        ("A negative pigment network is seen.", "Is there a negative pigment network?", YES),
        ("No negative pigment network.", "Is there a negative pigment network?", NO),
        ("There is no irregularity of the border.", "Is the border irregular?", NO),
    ],
)
def test_a_denial_that_belongs_to_the_name_of_a_sign_does_not_deny_it(
    skin: Lexicon, text: str, question: str, expected: str
) -> None:
    assert answer(skin, text, question) == expected


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("No interstitial opacities.", "Is there consolidation?", SILENT),
        ("No linear opacity.", "Is there consolidation?", SILENT),
        ("No aortic calcification.", "Is there a calcified granuloma?", SILENT),
        ("No calcified nodule.", "Is there a lung nodule?", SILENT),
        ("Lung volumes are normal.", OPACITY, SILENT),
        ("Lungs are clear and normally inflated.", OPACITY, NO),
        ("Lungs are well aerated.", OPACITY, NO),
        ("No interstitial markings beyond the expected.", PNEUMOTHORAX, SILENT),
        ("There are no lung markings beyond the line.", PNEUMOTHORAX, YES),
        ("Bilateral reticular pattern.", "Are the interstitial markings increased?", YES),
        ("Calcified nodular densities consistent with granulomas.", "Is there a calcified granuloma?", YES),
        ("Calcified granuloma.", "Is the aorta tortuous or calcified?", SILENT),
        ("Calcified aortic arch.", "Is the aorta tortuous or calcified?", YES),
    ],
)
def test_a_narrower_chest_sign_says_nothing_of_its_neighbours(
    chest: Lexicon, text: str, question: str, expected: str
) -> None:
    assert answer(chest, text, question) == expected


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("The surface is scaly.", "Is there scale?", YES),
        ("The surface is ulcerated, with an orange crust.", "Is there scale?", SILENT),
        ("Comedo-like openings with keratin plugs.", "Is there scale?", SILENT),
        ("No atypical network.", "Is there a typical pigment network?", SILENT),
        ("The network is typical, fading at the periphery.", "Are there regression structures?", SILENT),
        ("The network is typical, fading at the periphery.", "Is the border indistinct?", SILENT),
        ("Irregular streaks at the margin.", "Is the border irregular?", SILENT),
        ("Irregular and poorly kept border.", "Is the border irregular?", YES),
        ("The pigment network is irregular.", "Are there multiple colors?", SILENT),
        ("There are dotted and linear vessels.", "Are there irregular dots or globules?", SILENT),
        ("White scar with peppering.", "Are there irregular dots or globules?", SILENT),
        ("Irregular brown dots.", "Are there irregular dots or globules?", YES),
    ],
)
def test_neighbouring_skin_signs_are_kept_apart(
    skin: Lexicon, text: str, question: str, expected: str
) -> None:
    assert answer(skin, text, question) == expected
