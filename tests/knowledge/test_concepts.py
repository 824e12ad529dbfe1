"""Concept ids and the bank on disk."""

import hashlib
from pathlib import Path

import pytest

from knowledge.concepts import Concept, ConceptBank, Evidence, make_concept
from knowledge.errors import KnowledgeError

QUOTE = Evidence("handbook/pleura.md#1", "Blunting of the costophrenic angle – “early” sign.", 12)


def bank_of(*questions: str) -> ConceptBank:
    return ConceptBank(tuple(make_concept(each, (QUOTE,), "effusion") for each in questions))


def test_an_id_is_the_slug_and_a_short_hash_of_the_question() -> None:
    question = "Is the costophrenic  angle blunted?"
    short_hash = hashlib.sha256(b"is the costophrenic angle blunted?").hexdigest()[:8]
    concept = make_concept(question, (QUOTE,), "effusion")
    assert concept.id == f"is-the-costophrenic-angle-blunted-{short_hash}"
    assert concept.question == "Is the costophrenic angle blunted?"


def test_long_questions_with_the_same_start_have_different_ids() -> None:
    first, second = (make_concept("Is there " + "very " * 20 + end, (), "") for end in ("large?", "small?"))
    assert first.id != second.id
    assert len(first.id) <= 48 + 1 + 8


def test_a_bank_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    bank = bank_of("Is the heart enlarged?", "Are there Kerley B lines?", "Ist das Herz größer?")
    bank.save(tmp_path / "concepts.jsonl")
    assert ConceptBank.load(tmp_path / "concepts.jsonl") == bank
    assert [file.name for file in tmp_path.iterdir()] == ["concepts.jsonl"]


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "concepts.jsonl"
    bank_of("Is the heart enlarged?").save(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"id": "x"}\n')
    with pytest.raises(KnowledgeError, match=r"Line 2 of .*concepts\.jsonl is no concept"):
        ConceptBank.load(path)
    with pytest.raises(KnowledgeError, match="no concept bank"):
        ConceptBank.load(tmp_path / "absent.jsonl")


def test_a_subset_keeps_the_order_asked_for() -> None:
    bank = bank_of("Is a large?", "Is b large?", "Is c large?")
    a, b, c = bank.ids
    assert bank.subset([c, a]).ids == (c, a)
    assert bank[b].question == "Is b large?"
    with pytest.raises(KnowledgeError, match="1 of 2 concepts"):
        bank.subset([a, "unknown"])
    with pytest.raises(KnowledgeError, match="unknown"):
        bank["unknown"]


def test_a_diff_says_what_is_new_and_gone() -> None:
    old, new = bank_of("Is a large?", "Is b large?"), bank_of("Is b large?", "Is c large?")
    diff = new.diff(old)
    assert (diff.added, diff.removed, diff.kept) == ((new.ids[1],), (old.ids[0],), (new.ids[0],))


def test_a_concept_cannot_stand_twice() -> None:
    concept = Concept("same", "Is it?", (), "")
    with pytest.raises(KnowledgeError, match="same stands twice"):
        ConceptBank((concept, concept))


@pytest.mark.parametrize(
    "content",
    [b"5\n", b'"x"\n', b"null\n", b"[" * 100_000, b"\xff\n", b'{"id": "\\ud800"}\n'],
)
def test_a_damaged_bank_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "concepts.jsonl"
    path.write_bytes(content)
    with pytest.raises(KnowledgeError, match=r"concepts\.jsonl"):
        ConceptBank.load(path)


def test_an_offset_that_is_no_number_is_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "concepts.jsonl"
    bank_of("Is the heart enlarged?").save(path)
    path.write_text(path.read_text("utf-8").replace('"start": 12', '"start": 1e999'), "utf-8")
    with pytest.raises(KnowledgeError, match=r"Line 1 of .*OverflowError"):
        ConceptBank.load(path)
