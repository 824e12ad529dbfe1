"""Plain text files as documents: one file, one document, a blank line between paragraphs."""

from collections.abc import Iterator
from pathlib import Path

from knowledge.passages import Document, Section
from knowledge.sources.files import read_text
from knowledge.sources.left_out import LeftOut, read_each

SUFFIXES = (".txt", ".text")


def read_plain_text(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document a file; its title is the file name without suffix.

    In a folder, a broken file is passed over; `left_out` is told of it, and of documents without text.

    Raises:
        KnowledgeError: The path is missing, empty, or not UTF-8 text.
    """

    def documents(file: Path, name: str) -> Iterator[Document]:
        yield Document(
            id=name,
            title=file.stem.replace("_", " "),
            sections=(Section("", read_text(file)),),
            source=source,
            license=license,
        )

    yield from read_each(path, SUFFIXES, documents, left_out)
