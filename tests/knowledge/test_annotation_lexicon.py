from pathlib import Path

import pytest

from knowledge.annotation.lexicon import Kind, Lexicon, load_lexicon
from knowledge.annotation.linking import link
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.table import Answer, Report
from knowledge.concepts import Concept
from knowledge.errors import KnowledgeError


@pytest.fixture(scope="module")
def chest() -> Lexicon:
    return load_lexicon("chest_xray")


@pytest.mark.parametrize("name", ["chest_xray", "skin"])
def test_every_term_is_reached_by_a_question_with_its_name(name: str) -> None:
    lexicon = load_lexicon(name)
    lost = [
        term.name
        for term in lexicon.terms
        if term.kind is Kind.FINDING
        and not {
            other
            for found in link(f"Is there {term.name}?", lexicon).findings
            for other in lexicon.narrower[found]
        }
        & (lexicon.broader[term.name] | lexicon.narrower[term.name])
    ]
    assert lost == []


def test_a_clinician_can_add_terms_in_a_file_of_their_own(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[[term]]\nname = "sail sign"\nbroader = ["opacity"]\nphrases = ["sail ..1 sign"]\n', "utf-8"
    )
    lexicon = load_lexicon("chest_xray", own)
    reports = [Report("r", "A sail sign is seen in the left lower zone.")]
    concepts = [Concept("a", "Is there a sail sign?", (), ""), Concept("b", "Is there an opacity?", (), "")]
    assert (RuleAnnotator(lexicon).annotate(reports, concepts).answer == Answer.YES).all()
    assert lexicon.digest != load_lexicon("chest_xray").digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[term]\n", "not valid TOML"),
        ('[[term]]\nphrases = ["a"]\n', "missing or unknown key"),
        ('[[term]]\nname = "a"\nphrases = ["a"]\nsynonyms = ["b"]\n', "missing or unknown key"),
        ('[[term]]\nname = "a"\nphrases = ["a"]\nbroader = ["b"]\n', "'a' points to 'b'"),
        ('[[term]]\nname = "a"\nphrases = ["a"]\n[[term]]\nname = "a"\nphrases = ["b"]\n', "given twice"),
        (
            """[[term]]
name = "a"
phrases = ["a"]
broader = ["b"]
[[term]]
name = "b"
phrases = ["b"]
broader = ["a"]
""",
            "broader than itself",
        ),
    ],
)
def test_a_broken_lexicon_file_is_told_in_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(KnowledgeError, match=message):
        load_lexicon(path)


def test_an_unknown_name_or_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no lexicon named 'brain'"):
        load_lexicon("brain")
    with pytest.raises(KnowledgeError, match="cannot be read"):
        load_lexicon(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("question", "findings", "modifiers", "words"),
    [
        ("Is the heart enlarged?", ("cardiomegaly",), (), set()),
        ("Is the cardiothoracic ratio greater than 0.5?", ("cardiomegaly",), (), set()),
        ("Is there a left pleural effusion?", ("pleural effusion",), ("left",), set()),
        ("Are there Kerley B lines?", ("kerley lines",), (), set()),
        ("Is there a popcorn calcification?", ("calcification",), (), {"popcorn"}),
        ("Are the lungs clear without nodules?", ("clear lungs",), (), set()),
        ("Is the trachea shifted away from the midline?", ("tracheal deviation",), (), set()),
        ("Is there an azygos lobe?", (), (), {"azygo", "lobe"}),
    ],
)
def test_questions_link_to_their_longest_terms(
    chest: Lexicon, question: str, findings: tuple[str, ...], modifiers: tuple[str, ...], words: set[str]
) -> None:
    found = link(question, chest)
    assert (found.findings, found.modifiers, set(found.words)) == (findings, modifiers, words)


def test_a_detail_that_the_report_leaves_out_leaves_the_question_open(chest: Lexicon) -> None:
    annotator = RuleAnnotator(chest)
    concept = Concept("c", "Is there a popcorn calcification?", (), "")
    texts = ("Popcorn calcification in the nodule.", "Calcified aorta.", "No calcification.", "Clear lungs.")
    reports = [Report(text, text) for text in texts]
    answers = annotator.annotate(reports, [concept]).answer[:, 0].tolist()
    assert answers == [Answer.YES, Answer.UNKNOWN, Answer.NO, Answer.NO]
