"""Opening what a user calls a literature source: one file or a folder, plain or gzipped, in UTF-8."""

import codecs
import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from knowledge.errors import KnowledgeError

LARGEST = 256 << 20
"""Bytes of one page or chapter: far above any honest one, and far below what fills the memory."""
LONGEST_LINE = 64 << 20
"""Characters of one record: a chapter in one cell is far below."""


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
        raise _unreadable(file, error) from error
    if len(content) > at_most:
        raise KnowledgeError(f"{file} holds more than {at_most:,} bytes: split it into chapters.")
    return content


def read_text(file: Path) -> str:
    """The whole file as text; a byte order mark is dropped."""
    try:
        return read_bytes(file, at_most=LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error, error.start) from error


def text_lines(file: Path) -> Iterator[str]:
    """The lines one at a time, with line ends as they stand in the file; a byte order mark is dropped.

    Raises:
        KnowledgeError: The file is damaged, not UTF-8, or a line is longer than is sensible.
    """
    try:
        with io.TextIOWrapper(open_bytes(file), encoding="utf-8-sig", newline="") as stream:
            number = 0
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise KnowledgeError(
                        f"{file} line {number} is longer than {LONGEST_LINE:,} characters: split its record."
                    )
                yield line
    except UnicodeDecodeError as error:
        raise _not_utf8(file, error, _first_bad_byte(file)) from error
    except (EOFError, OSError, zlib.error) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> KnowledgeError:
    return KnowledgeError(f"{file} cannot be read ({error}): fetch or unpack it again.")


def _not_utf8(file: Path, error: UnicodeDecodeError, offset: int) -> KnowledgeError:
    return KnowledgeError(
        f"{file} is not UTF-8 text (byte 0x{error.object[error.start]:02x} at offset {offset}): "
        "save it as UTF-8."
    )


def _first_bad_byte(file: Path) -> int:
    """Offset in the whole file: an error in a stream counts from its last block."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    pending = 0
    try:
        with open_bytes(file) as stream:
            while block := stream.read(io.DEFAULT_BUFFER_SIZE):
                decoder.decode(block)
                position += len(block)
                pending = len(decoder.getstate()[0])
    except UnicodeDecodeError as error:
        return position - pending + error.start
    except (EOFError, OSError, zlib.error) as error:
        raise _unreadable(file, error) from error
    return position - pending  # the file ends within a character
