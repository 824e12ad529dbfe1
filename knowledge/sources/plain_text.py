"""Plain text files as documents: one file, one document, a blank line between paragraphs."""

from collections.abc import Iterator
from pathlib import Path

from knowledge.passages import Document, Section
from knowledge.sources.files import name_within, read_text, source_files, with_text

SUFFIXES = (".txt", ".text")


def read_plain_text(path: Path, *, source: str, license: str) -> Iterator[Document]:  # noqa: A002 - the field's word
    """One document a file; its title is the file name without suffix.

    Raises:
        KnowledgeError: The path is missing, empty, or not UTF-8 text.
    """
    documents = (
        Document(
            id=name_within(file, path),
            title=file.stem.replace("_", " "),
            sections=(Section("", read_text(file)),),
            source=source,
            license=license,
        )
        for file in source_files(path, SUFFIXES)
    )
    yield from with_text(documents, path)
