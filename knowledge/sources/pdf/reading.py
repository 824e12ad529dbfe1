"""PDF files as documents: one a chapter where there are bookmarks, else one a file with a section a page."""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.facts import license_of, year_of
from knowledge.sources.headings import BETWEEN, LEFT_OUT, is_left_out
from knowledge.sources.left_out import LeftOut, read_each
from knowledge.sources.pdf.chapters import Stretch, stretches
from knowledge.sources.pdf.extraction import extract
from knowledge.sources.pdf.layout import Bookmark, Page
from knowledge.sources.pdf.paragraphs import by_page, paragraphs, vocabulary
from knowledge.sources.pdf.running_heads import without_running_heads

SUFFIXES = (".pdf",)

_NO_TITLE = re.compile(
    r"untitled.*|.*\.(?:docx?|indd|qxd|tex|dvi|pdf|html?)|microsoft word - .*|", re.IGNORECASE
)
_REFERENCE = re.compile(r"\b(?:1[89]|20)\d\d\b|\bdoi\b|\bet al\b|https?://", re.IGNORECASE)


def read_pdf(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    without: Collection[str] = LEFT_OUT,
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """Documents with the path of bookmarks over each section, or with its page where there are none.

    Running heads, page numbers, note marks and lists of references go; words hyphenated at a line end are
    made whole. Headings in `without` (lower case) are left out. Where `license` is unknown, the rights in the
    metadata count.

    In a folder, a broken file is passed over; `left_out` is told of it, and of documents without text.

    Raises:
        KnowledgeError: The path is missing or empty, a file is no PDF, is encrypted, or holds pictures of
            pages only; or pypdfium2 is not installed.
    """
    yield from read_each(
        path,
        SUFFIXES,
        lambda file, name: _documents(file, name, source, license, without),
        left_out,
    )


def _documents(
    file: Path, name: str, source: str, license_: str, without: Collection[str]
) -> Iterator[Document]:
    content = extract(file)
    if not any(page.lines for page in content.pages):
        raise KnowledgeError(
            f"{file} holds no text on its {len(content.pages)} pages, only pictures of it: run text "
            "recognition over it first."
        )
    pages = without_running_heads(content.pages)
    title = file.stem.replace("_", " ") if _NO_TITLE.fullmatch(content.title) else content.title
    found = stretches(pages, _branching(content.outline))
    chapters = [list(group) for _, group in groupby(found, key=_Chapters())]
    words = vocabulary(pages)
    for number, chapter in enumerate(chapters):
        heading = chapter[0].path[0] if chapter[0].path else ""
        yield Document(
            id=name if len(chapters) == 1 else f"{name}/{number}",
            title=": ".join(part for part in (title, heading) if part),
            sections=tuple(_sections(chapter, pages, words, without)),
            source=source,
            license=license_of(license_, content.rights),
            year=year_of(content.dates),
        )


class _Chapters:
    """Numbers the stretches by outermost bookmark: two chapters of one name are two."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, stretch: Stretch) -> int:
        self.number += len(stretch.path) == 1
        return self.number


def _branching(outline: tuple[Bookmark, ...]) -> list[Bookmark]:
    """The outline without outermost entries that stand alone over all others: the title of the book."""
    marks = list(outline)
    while (
        len(marks) > 1
        and sum(mark.level == marks[0].level for mark in marks) == 1
        and all(mark.level > marks[0].level for mark in marks[1:])
    ):
        marks = marks[1:]
    return marks


def _sections(
    chapter: Iterable[Stretch], pages: list[Page], words: frozenset[str], without: Collection[str]
) -> Iterator[Section]:
    for stretch in chapter:
        if any(is_left_out(heading, without) for heading in stretch.path):
            continue
        found = list(paragraphs(stretch.lines, words))
        if stretch.path:
            pieces = [(0, each.text) for each in found]
        else:
            pieces = [piece for each in found for piece in by_page(each)]
        for page, group in groupby(_without_references(pieces, without), key=lambda piece: piece[0]):
            heading = BETWEEN.join(stretch.path) or f"p. {pages[page].label}"
            yield Section(heading, "\n\n".join(text for _, text in group))


def _without_references(
    pieces: Iterable[tuple[int, str]], without: Collection[str]
) -> Iterator[tuple[int, str]]:
    """The paragraphs without lists of references: what follows such a heading and looks like one."""
    skipping = False
    for page, text in pieces:
        if is_left_out(text, without):
            skipping = True
        elif not (skipping and _REFERENCE.search(text)):
            skipping = False
            yield page, text
