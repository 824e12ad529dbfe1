"""Documents, and the passages that retrieval and quotations refer to."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge.errors import KnowledgeError
from knowledge.passage_ids import SeenIds
from knowledge.sentences import Span, sentences


@dataclass(frozen=True, slots=True)
class Section:
    """One headed part of a document; `heading` is empty where the source gives none."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One article, chapter, caption or page, before chunking.

    Attributes:
        id: Stable within its source, e.g. `pmid:29768149` or a file name.
        title: As printed; may be empty.
        sections: In reading order.
        source: Name of the literature source in the configuration, e.g. `openstax`.
        license: Licence of the text, shown wherever a passage is shown.
        retracted: True for a retracted article; flagged through to every concept that rests on it.
        year: Of publication, where the source names it.
    """

    id: str
    title: str
    sections: tuple[Section, ...]
    source: str
    license: str
    retracted: bool = False
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """About 1,000 characters of one section: the unit that is retrieved and quoted.

    Attributes:
        id: `<source>/<document id>#<number>`, stable for the same document text.
        title: Title of the document.
        text: The passage itself; every quote is a verbatim slice of it.
        source: Name of the literature source.
        license: Licence of the text.
        locator: PMID and section, or file and heading: where a reader finds it.
        retracted: True where the document is a retracted article.
        year: Of publication, where the source names it.
    """

    id: str
    title: str
    text: str
    source: str
    license: str
    locator: str
    retracted: bool = False
    year: int | None = None

    @property
    def searchable(self) -> str:
        """Title and text: what the indexes are made of."""
        return f"{self.title}\n{self.text}" if self.title else self.text


_TEXTS = ("id", "title", "text", "source", "license", "locator")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters that are no white space: a terminal would obey them."""
_HALF = re.compile(r"[\ud800-\udfff]")
"""One half of a surrogate pair, which JSON can escape and no UTF-8 file can hold."""
LAST_YEAR = 9999


def normalise(text: str) -> str:
    """The text with each run of white space as one blank, and each blank line as one line break.

    Control characters go: what is quoted later is a slice of what is left here.
    """
    paragraphs = re.split(r"\s*\n\s*\n\s*", without_control(text))
    return "\n".join(collapsed for each in paragraphs if (collapsed := " ".join(each.split())))


def without_control(text: str) -> str:
    """The text without control characters other than white space."""
    return _CONTROL.sub("", text)


def chunk(document: Document, *, size: int = 1000) -> list[Passage]:
    """Passages of about `size` characters, in reading order.

    A passage is a slice of one normalised section that begins and ends with a sentence. A sentence is split,
    between words, only where it alone is longer than `size`. A last passage below a quarter of `size` joins
    the one before it.
    """
    if size < 1:
        raise KnowledgeError(f"The passage size is {size}: give a positive number of characters.")
    pieces = (
        (section.heading, text[span.start : span.end])
        for section in document.sections
        if (text := normalise(section.text))
        for span in _packed(list(_bounded(text, sentences(text), size)), size)
    )
    return [
        Passage(
            id=without_control(f"{document.source}/{document.id}#{number}"),
            title=without_control(document.title),
            text=text,
            source=document.source,
            license=without_control(document.license),
            locator=without_control(locator(document.id, heading)),
            retracted=document.retracted,
            year=document.year,
        )
        for number, (heading, text) in enumerate(pieces, start=1)
    ]


def locator(document_id: str, heading: str) -> str:
    """Where a reader finds it: `PMID 29768149, METHODS` or `m45981.md, Overview`."""
    place = f"PMID {document_id[5:]}" if document_id.startswith("pmid:") else document_id
    return f"{place}, {heading}" if heading else place


def _bounded(text: str, spans: list[Span], size: int) -> Iterator[Span]:
    """The sentences, with those longer than `size` cut at the last blank that fits."""
    for span in spans:
        start = span.start
        while span.end - start > size:
            blank = text.rfind(" ", start + 1, start + size + 1)
            end = blank if blank > 0 else start + size
            yield Span(start, end)
            start = end + 1 if blank > 0 else end
        yield Span(start, span.end)


def _packed(spans: list[Span], size: int) -> list[Span]:
    """Neighbouring spans joined up to `size`; a short rest joins the last."""
    packed: list[Span] = []
    for span in spans:
        if packed and span.end - packed[-1].start <= size:
            packed[-1] = Span(packed[-1].start, span.end)
        else:
            packed.append(span)
    if len(packed) > 1 and packed[-1].end - packed[-1].start < size // 4:
        rest = packed.pop()
        packed[-1] = Span(packed[-1].start, rest.end)
    return packed


def write_passages(path: Path, passages: Iterable[Passage]) -> None:
    """One JSON object a line; the file appears only when it is complete.

    Raises:
        KnowledgeError: Two passages have one id.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.partial")
    seen = SeenIds()
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            for passage in passages:
                seen.add(passage.id)
                file.write(json.dumps(asdict(passage), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        repeated = seen.first_repeated(passage.id for passage in stream_passages(unfinished))
        if repeated is not None:
            raise KnowledgeError(
                f"Two passages have the id {repeated}: give every literature source its own name."
            )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_passages(path: Path) -> list[Passage]:
    """The passages of `write_passages`.

    Raises:
        KnowledgeError: The file is missing or not one that `write_passages` wrote.
    """
    return list(stream_passages(path))


def stream_passages(path: Path) -> Iterator[Passage]:
    """The same, one at a time: for files that do not fit into memory."""
    if not path.is_file():
        raise KnowledgeError(f"There is no passages file {path}: gather the literature first.")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield parse_passage(line, path, number)


def parse_passage(line: bytes, path: Path, number: int) -> Passage:
    """One line of a passages file; `path` and `number` are for the message.

    Raises:
        KnowledgeError: The line is no passage.
    """
    try:
        passage = Passage(**json.loads(line.decode()))
    except (TypeError, ValueError, RecursionError) as error:
        raise KnowledgeError(
            f"{path} line {number} is not a passage ({error}): gather the literature again."
        ) from error
    if wrong := _wrong_field(passage):
        raise KnowledgeError(f"{path} line {number} is not a passage ({wrong}): gather the literature again.")
    return passage


def _wrong_field(passage: Passage) -> str:
    """What is wrong with a field that came out of a file; empty where all are well."""
    for name in _TEXTS:
        value = getattr(passage, name)
        if not isinstance(value, str):
            return f"{name} is no text"
        if not value.isascii() and _HALF.search(value):
            return f"{name} holds half a character"
    if not isinstance(passage.retracted, bool):
        return "retracted is neither true nor false"
    year = passage.year
    if year is not None and not (type(year) is int and 0 <= year <= LAST_YEAR):
        return "year is no year"
    return ""
