"""Literature as records, one document each: JSON Lines or CSV, with field names given by the user."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.files import LONGEST_LINE, source_files, text_lines
from knowledge.sources.left_out import LeftOut, with_text

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".jsonl.gz", ".ndjson.gz", ".csv.gz", ".tsv.gz")

csv.field_size_limit(
    LONGEST_LINE
)  # a chapter in one cell is legitimate; the default ends at 131,072 characters


@dataclass(frozen=True, slots=True)
class RecordFields:
    """Which field of a record holds what; a CSV column is a field.

    Attributes:
        id: Distinguishes the records.
        text: Fields with text; with several, each becomes a section headed by its field name.
        title: Field of the title, or none.
        sections: Field with a list of `{"label": ..., "text": ...}`, placed before `text`, or none.
        license: Field with the licence of the record, where it differs from that of the source, or none.
        id_prefix: Put before every id, e.g. `pmid:`.
    """

    id: str = "id"
    text: tuple[str, ...] = ("text",)
    title: str | None = None
    sections: str | None = None
    license: str | None = None
    id_prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Record:
    """One record and where it stands, for messages."""

    values: Mapping[str, object]
    place: str

    def get(self, name: str) -> object:
        if name not in self.values:
            known = ", ".join(str(each) for each in self.values).encode(errors="replace").decode()
            raise KnowledgeError(
                f"{self.place} has no field {name!r}; it has {known}: correct the field names."
            )
        return self.values[name]

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            return ""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return self._encodable(str(value), name)
        raise KnowledgeError(
            f"{self.place} holds a {type(value).__name__} in field {name!r}: name a field that holds text."
        )

    def _encodable(self, text: str, name: str) -> str:
        """JSON can escape one half of a surrogate pair, which no UTF-8 file can hold."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise KnowledgeError(
                f"{self.place} holds half a character in field {name!r}: correct that record."
            ) from error
        return text


def read_records(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    fields: RecordFields,
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document a record that has text, from a file or all such files of a folder.

    A broken line ends the reading even in a folder: the table is the user's own. `left_out` is told of
    records without text.

    Raises:
        KnowledgeError: The path is missing or empty, a line is not a record, a field is missing or holds no
            text, or an id stands twice.
    """
    documents = _documents(source_files(path, SUFFIXES), source, license, fields)
    yield from with_text(documents, path, left_out or LeftOut())


def _documents(files: list[Path], source: str, license_: str, fields: RecordFields) -> Iterator[Document]:
    places: dict[str, str] = {}
    for file in files:
        for record in _records(file):
            document = _document(record, source, license_, fields)
            if document.id in places:
                raise KnowledgeError(
                    f"{record.place} repeats the id {document.id} of {places[document.id]}: "
                    f"name a field that tells records apart, or remove one of the two."
                )
            places[document.id] = record.place
            yield document


def _records(file: Path) -> Iterator[_Record]:
    kind = (file.with_suffix("") if file.suffix.lower() == ".gz" else file).suffix.lower()
    if kind in {".csv", ".tsv"}:
        return _csv_records(file, "\t" if kind == ".tsv" else ",")
    return _json_records(file)


def _json_records(file: Path) -> Iterator[_Record]:
    for number, line in enumerate(text_lines(file), start=1):
        if not line.strip():
            continue
        place = f"{file} line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise KnowledgeError(f"{place} is not JSON ({error}): give one JSON object a line.") from error
        if not isinstance(values, dict):
            raise KnowledgeError(f"{place} is a JSON {type(values).__name__}: give one JSON object a line.")
        yield _Record(values, place)


def _csv_records(file: Path, delimiter: str) -> Iterator[_Record]:
    rows = csv.DictReader(text_lines(file), delimiter=delimiter, strict=True)
    try:
        for row in rows:
            place = f"{file} line {rows.line_num}"
            if None in row or None in row.values():
                raise KnowledgeError(
                    f"{place} has more or fewer cells than the header: quote cells that hold a delimiter."
                )
            yield _Record(row, place)
    except csv.Error as error:
        raise KnowledgeError(
            f"{file} line {rows.line_num} is not valid CSV ({error}): correct the quotes."
        ) from error


def _document(record: _Record, source: str, license_: str, fields: RecordFields) -> Document:
    identity = record.text(fields.id).strip()
    if not identity:
        raise KnowledgeError(f"{record.place} has an empty id in {fields.id!r}: give every record an id.")
    parts = [] if fields.sections is None else _labelled(record, fields.sections)
    alone = len(fields.text) == 1 and fields.sections is None
    parts += [Section("" if alone else name, record.text(name)) for name in fields.text]
    return Document(
        id=f"{fields.id_prefix}{identity}",
        title="" if fields.title is None else " ".join(record.text(fields.title).split()),
        sections=tuple(part for part in parts if part.text.strip()),
        source=source,
        license=(record.text(fields.license).strip() if fields.license else "") or license_,
    )


def _labelled(record: _Record, name: str) -> list[Section]:
    parts = record.get(name)
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise KnowledgeError(
            f'{record.place} holds no list of {{"label", "text"}} in {name!r}: correct the field names.'
        )
    return [
        Section(inner.text("label") if "label" in part else "", inner.text("text"))
        for part in parts
        for inner in [_Record(part, f"{record.place}, {name}")]
    ]
