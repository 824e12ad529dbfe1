import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import passage_ids
from knowledge.errors import KnowledgeError
from knowledge.passage_file import PassageFile
from knowledge.passages import Document, Section, chunk, normalise, read_passages, write_passages
from knowledge.sentences import sentences


def _document(
    *texts: str, id_: str = "pmid:29768149", heading: str = "METHODS", retracted: bool = False
) -> Document:
    sections = tuple(Section(heading, text) for text in texts)
    return Document(id_, "A trial", sections, "pubmed", "NLM", retracted)


WORDS = st.lists(
    st.sampled_from(
        ["lung", "opacity.", "The", "No.", "5", "e.g.", "effusion?", "\n\n", "\t", "heart,", "A" * 40]
    ),
    max_size=120,
).map(" ".join)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(WORDS, max_size=3), st.integers(min_value=1, max_value=300))
def test_every_passage_is_a_slice_of_its_section_and_together_they_hold_all_of_it(
    texts: list[str], size: int
) -> None:
    passages = chunk(_document(*texts), size=size)
    whole = [normalise(text) for text in texts]
    assert all(any(passage.text in text for text in whole) for passage in passages)
    assert "".join("".join(p.text.split()) for p in passages) == "".join(
        "".join(text.split()) for text in texts
    )
    assert all(passage.text == passage.text.strip() != "" for passage in passages)


@settings(deadline=None)  # the machine may be busy
@given(WORDS, st.integers(min_value=60, max_value=300))
def test_no_sentence_is_cut_that_is_not_longer_than_the_size(text: str, size: int) -> None:
    whole = normalise(text)
    short = [whole[s.start : s.end] for s in sentences(whole) if s.end - s.start <= size]
    passages = chunk(_document(text), size=size)
    assert all(any(sentence in passage.text for passage in passages) for sentence in short)


@settings(deadline=None)  # the machine may be busy
@given(WORDS, st.integers(min_value=8, max_value=300))
def test_no_passage_is_longer_than_the_size_and_a_short_rest(text: str, size: int) -> None:
    assert all(len(passage.text) <= size + size // 4 for passage in chunk(_document(text), size=size))


def test_sentences_are_packed_to_the_size_by_hand() -> None:
    ten = "Aaaa bbbb."  # 10 characters: two fit 21, a third does not
    assert [p.text for p in chunk(_document(" ".join([ten] * 5)), size=21)] == [f"{ten} {ten}"] * 2 + [ten]
    assert [p.text for p in chunk(_document(f"{ten} {ten} Cc."), size=21)] == [f"{ten} {ten} Cc."]


def test_a_sentence_longer_than_the_size_is_cut_between_words() -> None:
    assert [p.text for p in chunk(_document("one two three four five six"), size=9)] == [
        "one two",
        "three",
        "four five",
        "six",
    ]


def test_ids_titles_and_locators_lead_back_to_the_document() -> None:
    passages = chunk(_document("First.", "Second.", retracted=True))
    assert [p.id for p in passages] == ["pubmed/pmid:29768149#1", "pubmed/pmid:29768149#2"]
    assert {(p.title, p.source, p.license, p.locator, p.retracted) for p in passages} == {
        ("A trial", "pubmed", "NLM", "PMID 29768149, METHODS", True)
    }
    assert chunk(_document("Text.", id_="m45981.md", heading=""))[0].locator == "m45981.md"
    assert chunk(_document("Text.", id_="m45981.md", heading="Overview"))[0].locator == "m45981.md, Overview"


def test_white_space_collapses_and_a_blank_line_stays_a_line_break() -> None:
    assert normalise("  one\u00a0 two\nthree\t \n \n\n four \n") == "one two three\nfour"


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(KnowledgeError, match="passage size is 0"):
        chunk(_document("Text."), size=0)


def test_passages_come_back_as_written(tmp_path: Path) -> None:
    passages = chunk(_document("Röntgen “ray”.\n\nSecond\u2028line.", "β₂-agonist ≥ 5.", retracted=True))
    write_passages(tmp_path / "new" / "passages.jsonl", passages)
    assert read_passages(tmp_path / "new" / "passages.jsonl") == passages
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["passages.jsonl"]


def test_two_passages_of_one_id_are_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    old = chunk(_document("Old."))
    write_passages(path, old)
    with pytest.raises(KnowledgeError, match="Two passages have the id pubmed/pmid:29768149#1"):
        write_passages(path, chunk(_document("New.")) * 2)
    assert read_passages(path) == old
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"id": "x"}', "null"])
def test_a_broken_passages_file_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "passages.jsonl"
    write_passages(path, chunk(_document("Text.")))
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(KnowledgeError, match=r"passages\.jsonl line 2 is not a passage"):
        read_passages(path)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("year", '"2019"', "year is no year"),
        ("year", "true", "year is no year"),
        ("year", "2019.0", "year is no year"),
        ("year", "-1", "year is no year"),
        ("year", "10000", "year is no year"),
        ("retracted", "1", "retracted is neither true nor false"),
        ("retracted", "null", "retracted is neither true nor false"),
        ("title", '"a\\ud83d"', "title holds half a character"),
        ("id", '"a\\uDE00"', "id holds half a character"),
        ("text", "[" * 100_000, "recursion"),
        ("id", "[" * 100_000, "recursion"),
    ],
)
def test_a_field_of_another_kind_is_named_with_its_line(
    tmp_path: Path, field: str, value: str, named: str
) -> None:
    path = tmp_path / "passages.jsonl"
    write_passages(path, chunk(_document("Text.")))
    values = json.loads(path.read_text()) | {"id": "other"}
    line = ", ".join(
        f'"{key}": {value if key == field else json.dumps(each)}' for key, each in values.items()
    )
    with path.open("a") as file:
        file.write(f"{{{line}}}\n")
    message = rf"passages\.jsonl line 2 is not a passage \(.*{named}.*gather"
    with pytest.raises(KnowledgeError, match=message):
        read_passages(path)
    with pytest.raises(KnowledgeError, match=message):
        list(PassageFile(path).values())


def test_control_characters_go_and_passages_stay_slices() -> None:
    text = "\x1b[31mRed\x1b[0m \x9b2Jlung.\x07\n\nA\ttab\x85and\x0ca\rfeed\x00."
    whole = normalise(text)
    assert whole == "[31mRed[0m 2Jlung.\nA tab and a feed."
    document = Document("a\x1b]0;x.md", "T\x1bitle", (Section("H\x08", text),), "book", "CC\x1b BY")
    (passage,) = chunk(document)
    assert passage.text == whole
    assert (passage.id, passage.title, passage.license, passage.locator) == (
        "book/a]0;x.md#1",
        "Title",
        "CC BY",
        "a]0;x.md, H",
    )


def test_ids_that_share_their_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_ids, "id_hash", lambda _: 7)
    path = tmp_path / "passages.jsonl"
    (one,) = chunk(_document("Text."))
    several = [replace(one, id=f"a#{number}") for number in range(3)]
    write_passages(path, several)
    assert read_passages(path) == several
    with pytest.raises(KnowledgeError, match="Two passages have the id a#1:"):
        write_passages(path, [*several, several[1]])


def test_writing_keeps_a_few_bytes_a_passage(tmp_path: Path) -> None:
    (one,) = chunk(_document("Text."))
    count = 5_000
    tracemalloc.start()
    write_passages(tmp_path / "passages.jsonl", (replace(one, id=f"a#{number}") for number in range(count)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * count  # a set of the ids alone takes more than 90


def test_a_missing_passages_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"no passages file .*absent\.jsonl"):
        read_passages(tmp_path / "absent.jsonl")
