import csv
import gzip
import json
from pathlib import Path

import pytest

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.records import RecordFields, read_records


def _read(path: Path, fields: RecordFields | None = None) -> list[Document]:
    return list(read_records(path, source="books", license="CC BY", fields=fields or RecordFields()))


def _jsonl(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_one_text_field_becomes_one_section_without_heading(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "a.jsonl", {"id": 3, "text": "One.\n\nTwo."})
    assert _read(path) == [Document("3", "", (Section("", "One.\n\nTwo."),), "books", "CC BY")]


def test_labelled_sections_stand_before_the_text_fields(tmp_path: Path) -> None:
    record = {
        "pmid": "12",
        "title": "Is it\n so?",
        "sections": [{"label": "AIM", "text": "Why."}, {"text": "How."}, {"label": "EMPTY", "text": " "}],
        "conclusion": "Yes.",
        "note": None,
        "rights": "CC0",
    }
    fields = RecordFields(
        id="pmid",
        title="title",
        sections="sections",
        text=("conclusion", "note"),
        license="rights",
        id_prefix="pmid:",
    )
    sections = (Section("AIM", "Why."), Section("", "How."), Section("conclusion", "Yes."))
    assert _read(_jsonl(tmp_path / "a.jsonl", record), fields) == [
        Document("pmid:12", "Is it so?", sections, "books", "CC0")
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_tables_are_read_as_the_csv_module_wrote_them(tmp_path: Path, name: str) -> None:
    rows = [
        {"id": "1", "text": 'A "quoted", long\nline.', "rights": ""},
        {"id": "2", "text": "é" * 200_000, "rights": "CC0"},
    ]
    with (tmp_path / "plain").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["id", "text", "rights"], delimiter="\t" if "tsv" in name else ",")
        writer.writeheader()
        writer.writerows(rows)
    content = (tmp_path / "plain").read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    documents = _read(tmp_path / name, RecordFields(license="rights"))
    assert [(d.id, d.sections[0].text, d.license) for d in documents] == [
        ("1", rows[0]["text"], "CC BY"),
        ("2", rows[1]["text"], "CC0"),
    ]


def test_a_folder_is_read_file_by_file_and_empty_records_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    _jsonl(
        tmp_path / "b.jsonl",
        {"id": "3", "text": "Three."},
        {"id": "4", "text": ""},
        {"id": "5", "text": None},
    )
    _jsonl(tmp_path / "deep" / "a.ndjson", {"id": "1", "text": "One."})
    (tmp_path / "README.md").write_text("not a record")
    assert [document.id for document in _read(tmp_path)] == ["3", "1"]


BAD_LINES = [
    ("{nonsense", "line 2 is not JSON"),
    ("[1, 2]", "line 2 is a JSON list"),
    ('{"id": "2"}', "line 2 has no field 'text'; it has id"),
    ('{"id": "2", "text": ["a"]}', "line 2 holds a list in field 'text'"),
    ('{"id": "2", "text": true}', "line 2 holds a bool in field 'text'"),
    ('{"id": " ", "text": "x"}', "line 2 has an empty id"),
    ('{"id": "1", "text": "x"}', "line 2 repeats the id 1 of .*line 1"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = _jsonl(tmp_path / "bad.jsonl", {"id": "1", "text": "One."})
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(KnowledgeError, match=rf"bad\.jsonl {message}"):
        _read(path)


@pytest.mark.parametrize("sections", ["text", [1], {"label": "A"}, None])
def test_sections_that_are_no_list_of_objects_are_named(tmp_path: Path, sections: object) -> None:
    path = _jsonl(tmp_path / "a.jsonl", {"id": "1", "parts": sections})
    with pytest.raises(KnowledgeError, match=r"line 1 holds no list of .* in 'parts'"):
        _read(path, RecordFields(sections="parts", text=()))


def test_a_section_without_text_is_named(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "a.jsonl", {"id": "1", "parts": [{"label": "A"}]})
    with pytest.raises(KnowledgeError, match="line 1, parts has no field 'text'; it has label"):
        _read(path, RecordFields(sections="parts", text=()))


@pytest.mark.parametrize(
    ("row", "message"),
    [("2,a,b", "line 3 has more or fewer"), ("2", "more or fewer"), ('2,"a', "not valid CSV")],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(f"id,text\n1,One.\n{row}")
    with pytest.raises(KnowledgeError, match=rf"bad\.csv .*{message}"):
        _read(tmp_path / "bad.csv")


def test_text_in_another_encoding_is_named_with_its_first_foreign_byte(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,text\n1,Röntgen\n".encode("latin-1"))
    with pytest.raises(KnowledgeError, match=r"a\.csv is not UTF-8 text \(byte 0xf6 at offset 11\)"):
        _read(tmp_path / "a.csv")


def test_a_source_without_any_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="holds no text"):
        _read(_jsonl(tmp_path / "a.jsonl", {"id": "1", "text": " "}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(KnowledgeError, match=r"holds no file that ends in \.jsonl or"):
        _read(tmp_path / "empty")


@pytest.mark.real
def test_real_records_give_the_counts_of_their_readme(shared_data: Path) -> None:
    pubmedqa = RecordFields(
        id="pmid", title="title", sections="sections", text=("conclusion",), id_prefix="pmid:"
    )
    roco = RecordFields(id="roco_id", text=("caption",), license="licence")
    medquad = RecordFields(title="question", text=("answer",))
    assert len(_read(shared_data / "pubmed" / "pubmedqa" / "abstracts.jsonl", pubmedqa)) == 750
    assert len(_read(shared_data / "textbooks" / "medquad", medquad)) == 1596
    captions = _read(shared_data / "reports" / "roco_cxr_captions", roco)
    assert len(captions) == 159
    assert {document.license for document in captions} == {"CC BY"}
