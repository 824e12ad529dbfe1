"""KnoBo's released lists and sign files, in their shapes and with their faults."""

import json
from pathlib import Path

import pytest

from knowledge.class_terms import ClassTerms
from knowledge.concepts import ConceptBank, concept_id, make_concept
from knowledge.curation.checks import class_leaks, weak_quotes
from knowledge.curation.knobo_release import read_release, read_signs
from knowledge.errors import KnowledgeError

LIST = """Is there lung collapse?
Are there findings of atelectasis?
Is there  lung collapse?
Does the X-ray show pneumonia? (if visible)

Is the heart enlarged?
"""
SIGNS = {
    "Normal": {"Is there lung collapse?": "no", "Is the heart enlarged?": "no"},
    "PNEUMONIA": {"Is there lung collapse?": "Yes", "Is the heart enlarged?": "no", "Is it red?": "yes"},
    "Pneumonia": {"Is there lung collapse?": "no", "Are there findings of atelectasis?": "maybe"},
}
CLASSES = (ClassTerms("normal", normal=True), ClassTerms("pneumonia"), ClassTerms("mass", ("nodule",)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "xray_PubMed.txt").write_text(LIST, "utf-8")
    (tmp_path / "signs.json").write_text(json.dumps(SIGNS), "utf-8")
    return tmp_path


def test_a_list_becomes_a_bank_without_sources_and_says_so(folder: Path) -> None:
    found = read_release(folder / "xray_PubMed.txt")
    questions = [concept.question for concept in found.signed.bank]
    assert questions == [
        "Is there lung collapse?",
        "Are there findings of atelectasis?",
        "Does the X-ray show pneumonia? (if visible)",
        "Is the heart enlarged?",
    ]
    assert {concept.origin for concept in found.signed.bank} == {"imported"}
    assert not found.signed.quoted
    assert found.notes == ("1 questions stand there twice and are taken once.",)
    assert {each.kind for each in weak_quotes(found.signed.bank, {})} == {"unquoted"}
    assert found.signed.where(concept_id("Is the heart enlarged?")).startswith("Line 6 of ")


def test_signs_are_taken_under_the_spelling_of_the_class_and_their_faults_are_counted(folder: Path) -> None:
    found = read_release(folder / "xray_PubMed.txt", signs=folder / "signs.json", classes=CLASSES)
    collapse, heart = (concept_id(each) for each in ("Is there lung collapse?", "Is the heart enlarged?"))
    assert [(each.class_name, each.concept_id, each.sign, each.source) for each in found.signed.signs] == [
        ("normal", collapse, -1.0, "imported"),
        ("normal", heart, -1.0, "imported"),
        ("pneumonia", collapse, 1.0, "imported"),
        ("pneumonia", heart, -1.0, "imported"),
    ]
    assert found.notes[1:] == (
        "2 of 4 questions have no sign for normal.",
        "pneumonia is spelled PNEUMONIA, Pneumonia there; PNEUMONIA is taken.",
        "2 of 4 questions have no sign for pneumonia.",
        "signs.json has no signs for the class mass.",
    )


def test_signs_alone_go_to_the_questions_of_any_bank(folder: Path) -> None:
    bank = ConceptBank((make_concept("is the HEART enlarged?", (), ""),))
    notes: list[str] = []
    found = read_signs(folder / "signs.json", bank, CLASSES[:1], notes)
    assert [(each.concept_id, each.sign) for each in found] == [(bank.ids[0], -1.0)]
    assert notes == []


def test_class_names_inside_released_questions_are_found(folder: Path) -> None:
    bank = read_release(folder / "xray_PubMed.txt").signed.bank
    (leak,) = class_leaks(bank, CLASSES)
    assert leak.concept_ids == (bank.ids[2],)
    assert "names the class pneumonia" in leak.reason


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("xray_PubMed.txt", "Is it?\nA heading\n", r"Line 2 of .* is no question \(`A heading`\)"),
        ("xray_PubMed.txt", "\n", "holds no question"),
        ("signs.json", "[1]", "is no sign file"),
        ("signs.json", "{}", "is no sign file"),
        ("signs.json", '{"a": "yes"}', "is no sign file"),
        ("signs.json", "{", "is not JSON"),
        (
            "signs.json",
            '{"nevus": {"Is the heart enlarged?": "no"}}',
            "has no sign for normal, pneumonia, mass",
        ),
    ],
)
def test_files_of_another_shape_are_refused(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content, "utf-8")
    with pytest.raises(KnowledgeError, match=message):
        read_release(folder / "xray_PubMed.txt", signs=folder / "signs.json", classes=CLASSES)


def test_missing_and_binary_files_are_refused(folder: Path) -> None:
    with pytest.raises(KnowledgeError, match="cannot be read"):
        read_release(folder / "absent.txt")
    (folder / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KnowledgeError, match="not UTF-8"):
        read_release(folder / "b.txt")
