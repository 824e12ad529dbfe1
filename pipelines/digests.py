"""Digests of files, folders and values: what decides whether a stage is stale."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.errors import PipelineError


def value_digest(value: Any) -> str:
    """SHA-256 of a JSON value with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def bytes_digest(content: bytes) -> str:
    """SHA-256; that of a file is the same."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of the bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_digest(path: Path) -> str:
    """Of a file's bytes, or of the names and bytes of every file in a folder.

    Raises:
        PipelineError: There is nothing at the path.
    """
    if path.is_file():
        return file_digest(path)
    if path.is_dir():
        return value_digest(
            [(file.relative_to(path).as_posix(), file_digest(file)) for file in files_below(path)]
        )
    raise PipelineError(f"there is no file or folder {path}; check the path in the configuration")


def listing_digest(paths: Iterable[Path]) -> str:
    """Of names, sizes and times of files: blind only to edits that keep all three."""
    return value_digest([(str(path), *size_and_time(path)) for path in paths])


def size_and_time(path: Path) -> tuple[int, int]:
    """Bytes and nanoseconds; -1 where there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def files_below(path: Path) -> Iterable[Path]:
    """Files in a folder and its sub-folders, in order of name."""
    return (file for file in sorted(path.rglob("*")) if file.is_file())
