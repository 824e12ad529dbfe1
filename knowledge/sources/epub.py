"""EPUB books as documents: one document a chapter file, headed as the book's own contents head it."""

import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path

from knowledge.passages import Document
from knowledge.sources.epub_package import Book, Chapter, open_book
from knowledge.sources.facts import license_of, year_of
from knowledge.sources.headings import LEFT_OUT, Block, is_left_out, sections_of
from knowledge.sources.left_out import LeftOut, read_each
from knowledge.sources.markup import parse_markup, tokens
from knowledge.sources.page_furniture import PARTS
from knowledge.sources.page_text import blocks_of, content_of

SUFFIXES = (".epub",)


def read_epub(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    without: Collection[str] = LEFT_OUT,
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document a chapter file of each book; headings in `without` (lower case) are left out.

    The path of a section begins with the chapter as the book's table of contents names it. Cover, contents,
    index and notes go. Where `license` is unknown, the rights stated in the book count.

    In a folder, a broken file is passed over; `left_out` is told of it, and of documents without text.

    Raises:
        KnowledgeError: The path is missing or empty, or a file is no book, is protected, damaged, or unpacks
            to more than is sensible.
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
    with open_book(file) as book:
        for chapter in book.chapters():
            if any(is_left_out(heading, without) for heading in chapter.path):
                continue
            blocks = _blocks(book, chapter)
            heading = chapter.path[-1] if chapter.path else _first_heading(blocks)
            yield Document(
                id=posixpath.join(name, chapter.name),
                title=": ".join(part for part in (book.title or file.stem, heading) if part),
                sections=tuple(sections_of(blocks, above=chapter.path, without=without)),
                source=source,
                license=license_of(license_, [book.rights]),
                year=year_of(book.dates),
            )


def _blocks(book: Book, chapter: Chapter) -> list[Block]:
    """The text of a chapter file; none where the file as a whole is cover, contents or index."""
    root = parse_markup(book.read(chapter.name), f"{book.file}, {chapter.name}")
    body = content_of(root)
    outermost = body[0] if len(body) == 1 else body
    if PARTS & (tokens(body, "epub:type") | tokens(outermost, "epub:type")):
        return []
    return list(blocks_of(body))


def _first_heading(blocks: list[Block]) -> str:
    return next((block.text for block in blocks if block.level), "")
