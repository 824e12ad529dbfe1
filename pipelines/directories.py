"""Writes a folder so that a reader, or a killed process, sees either the old one or the whole new one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, former = beside(path), beside(path)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            path.replace(former)  # whole, for a kill while files are removed would leave some of them
        put_in_place(partial, path, former=former)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def put_in_place(partial: Path, path: Path, *, former: Path) -> None:
    """Gives the new folder its name; where that fails the old one has it again."""
    try:
        partial.replace(path)
    except OSError:
        if former.exists():
            former.replace(path)
        raise


def beside(path: Path) -> Path:
    """A new name beside a path; `pipelines.run.sweep` removes what a killed process left under it."""
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
