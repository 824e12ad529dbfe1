"""Writes a file so that a reader, or a killed process, sees either the old one or the whole new one."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

OF_WRITING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file beside `path` that takes its place when the block ends well."""
    partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    with naming(path, instead_of=partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, *, instead_of: Path) -> Iterator[None]:
    """Errors of the system name the file that was to be written; those of writing itself name none."""
    try:
        yield
    except OSError as error:
        if error.filename == str(instead_of) or (error.filename is None and error.errno in OF_WRITING):
            error.filename, error.filename2 = str(path), None
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text in a single step."""
    with replacing(path) as file:
        file.write(text.encode())
