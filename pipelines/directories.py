"""Writes a folder so that a reader, or a killed process, sees either the old one or the whole new one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

BEGUN, PUT_ASIDE = ".partial", ".former"
"""How names beside an artifact end: what is being written, and what stood there before."""


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, former = beside(path), beside(path, PUT_ASIDE)
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            path.replace(former)  # whole, for a kill while files are removed would leave some of them
        put_in_place(partial, path, former=former)
    finally:
        if former.exists() and not path.exists():  # interrupted between the two
            former.replace(path)
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


def beside(path: Path, suffix: str = BEGUN) -> Path:
    """A new name beside a path; `sweep` looks after what a killed process left under it."""
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}{suffix}")


def sweep(directory: Path) -> None:
    """Removes what a killed process had begun to write, and gives back what it had only put aside."""
    for aside in sorted(directory.rglob(f".*{PUT_ASIDE}")):
        place = aside.with_name(aside.name[1:].removesuffix(PUT_ASIDE).rpartition(".")[0])
        if place.exists():
            shutil.rmtree(aside)
        else:
            aside.replace(place)
    for begun in sorted(directory.rglob(f".*{BEGUN}"), reverse=True):
        if begun.is_dir():
            shutil.rmtree(begun)
        else:
            begun.unlink()
