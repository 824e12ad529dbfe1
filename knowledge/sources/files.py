"""Opening what a user calls a literature source: one file or a folder, plain or gzipped, in UTF-8."""

import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from knowledge.errors import KnowledgeError
from knowledge.passages import Document

LARGEST = 256 << 20
"""Bytes of one page or chapter: far above any honest one, and far below what fills the memory."""


def source_files(path: Path, suffixes: Collection[str], *, wanted: str = "") -> list[Path]:
    """The file itself, or the files below the folder that end in one of `suffixes`, sorted by path.

    Raises:
        KnowledgeError: There are none; `wanted` says what was looked for where the endings do not say enough.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise KnowledgeError(
            f"There is no file or folder {path}: correct the path of this literature source."
        )
    found = sorted(
        each for each in path.rglob("*") if each.name.lower().endswith(tuple(suffixes)) and each.is_file()
    )
    if not found:
        raise KnowledgeError(
            f"The folder {path} holds no file {wanted or 'that ends in ' + ' or '.join(suffixes)}: "
            "correct the path or the kind of this literature source."
        )
    return found


def name_within(file: Path, path: Path) -> str:
    """Id of a file: its path below the folder given, or its name where the file itself was given."""
    return file.name if file == path else file.relative_to(path).as_posix()


def open_bytes(file: Path) -> BinaryIO:
    """The content, unpacked where the name ends in `.gz`."""
    return cast("BinaryIO", gzip.open(file)) if file.suffix.lower() == ".gz" else file.open("rb")


def read_bytes(file: Path, *, at_most: int = LARGEST) -> bytes:
    """The whole file, unpacked; a small file that unpacks to a huge one is refused."""
    try:
        with open_bytes(file) as stream:
            content = stream.read(at_most + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise KnowledgeError(f"{file} cannot be read ({error}): fetch or unpack it again.") from error
    if len(content) > at_most:
        raise KnowledgeError(f"{file} holds more than {at_most:,} bytes: split it into chapters.")
    return content


def read_text(file: Path) -> str:
    """The whole file as text; a byte order mark is dropped."""
    try:
        with open_bytes(file) as stream:
            return stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KnowledgeError(
            f"{file} is not UTF-8 text (byte 0x{error.object[error.start]:02x} at offset {error.start}): "
            "save it as UTF-8."
        ) from error
    except (EOFError, OSError, zlib.error) as error:
        raise KnowledgeError(f"{file} cannot be read ({error}): fetch or unpack it again.") from error


def text_lines(file: Path) -> io.StringIO:
    """The text as a stream of lines, with line ends as they stand in the file."""
    return io.StringIO(read_text(file), newline="")


def with_text(documents: Iterator[Document], path: Path) -> Iterator[Document]:
    """The documents that have text.

    Raises:
        KnowledgeError: None has.
    """
    empty = True
    for document in documents:
        if any(section.text.strip() for section in document.sections):
            empty = False
            yield document
    if empty:
        raise KnowledgeError(
            f"{path} holds no text: correct the path or the fields of this literature source."
        )
