"""Version folders of an index store: published whole, verified, rolled back, never changed.

A reader may have any file of any version mapped into memory, so a file is written once; the next version
links to those it keeps. `CURRENT` names the version in force and is swapped by renaming.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.errors import KnowledgeError
from knowledge.retrieval.integrity import check_file, damaged, file_record
from knowledge.retrieval.manifest import NAME, FileRecord, Manifest

_CURRENT, _VERSIONS, _LOCK, _DRAFT = "CURRENT", "versions", ".lock", ".draft-"
_REWRITTEN = ("meta.json", ".managed.json", "truth.npz", "alive.npy")  # small, and other in every version

Progress = Callable[[int, int], None]


class Versions:
    """The versions under one directory."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def numbers(self) -> list[int]:
        """Versions that are there, oldest first."""
        folder = self._home / _VERSIONS
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(int(path.name) for path in found if path.name.isdecimal())

    def current(self) -> int:
        """The version in force.

        Raises:
            KnowledgeError: There is no index.
        """
        try:
            return int((self._home / _CURRENT).read_text(encoding="utf-8")[:20])
        except (FileNotFoundError, NotADirectoryError) as error:
            raise KnowledgeError(f"There is no index in {self._home}: build it first.") from error
        except OSError as error:
            raise KnowledgeError(
                f"{self._home / _CURRENT} cannot be read ({error.strerror}): it has to be a file that names "
                "a version."
            ) from error
        except ValueError as error:
            raise KnowledgeError(
                f"{self._home / _CURRENT} does not name a version: write the number of a folder in "
                f"{self._home / _VERSIONS} into it."
            ) from error

    def exists(self) -> bool:
        """Whether a version is in force."""
        return (self._home / _CURRENT).is_file()

    def folder(self, number: int) -> Path:
        """Where a version lies."""
        return self._home / _VERSIONS / f"{number:06}"

    def manifest(self, number: int | None = None) -> Manifest:
        """Of a version, or of the one in force.

        Raises:
            KnowledgeError: There is no such version, or it is damaged.
        """
        return Manifest.load(self.existing(self.current() if number is None else number))

    def existing(self, number: int) -> Path:
        """Where a version lies that CURRENT or another version names.

        Raises:
            KnowledgeError: It is not there.
        """
        if not self.folder(number).is_dir():
            raise KnowledgeError(
                f"The index in {self._home} has no version {number}, which {_CURRENT} names: roll back to "
                f"one of {self._known()}."
            )
        return self.folder(number)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time; what a killed one left behind is removed.

        Raises:
            KnowledgeError: Another process is writing, or the directory holds something else.
        """
        if self._home.exists() and not self._home.is_dir():
            raise KnowledgeError(f"{self._home} is a file: choose a directory for the index.")
        if self._home.is_dir() and not (self._home / _VERSIONS).is_dir() and any(self._home.iterdir()):
            raise KnowledgeError(
                f"{self._home} holds files that are no index: choose another directory for the index."
            )
        (self._home / _VERSIONS).mkdir(parents=True, exist_ok=True)
        with (self._home / _LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise KnowledgeError(
                    f"Another process is writing the index in {self._home}: wait until it has finished."
                ) from error
            for left in self._home.glob(f"{_DRAFT}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder to make a version in, removed at the end unless it was published."""
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self._home))
        draft.chmod(0o755)  # mkdtemp keeps it to oneself; an index is shared
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def publish(self, draft: Path, manifest: Manifest, *, keep: int) -> Manifest:
        """Make the draft the version in force, and remove all but `keep` older ones.

        Checksums of files that are links come from the version they were published with.
        """
        number = max(self.numbers(), default=0) + 1
        parent = self.current() if self.exists() else None
        published = replace(manifest, version=number, parent=parent, files=self._records(draft))
        (draft / NAME).write_text(published.as_json(), encoding="utf-8")
        _sync(draft)
        draft.replace(self.folder(number))
        _sync_one(self._home / _VERSIONS)
        write_text(self._home / _CURRENT, f"{number:06}\n")
        self._prune(published, keep)
        return published

    def roll_back(self, number: int | None = None) -> Manifest:
        """Put another version in force: the one from which the one in force was made, or the one named.

        Raises:
            KnowledgeError: There is no such version, or it is damaged.
        """
        self.current()  # an index is there
        with self.locked():
            target = self._before(self.current()) if number is None else number
            if target is None:
                raise KnowledgeError(f"The index in {self._home} has no older version to roll back to.")
            if target not in self.numbers():
                raise KnowledgeError(
                    f"The index in {self._home} has no version {target}: choose one of {self._known()}."
                )
            self.verify(target)
            write_text(self._home / _CURRENT, f"{target:06}\n")
            return self.manifest(target)

    def verify(self, number: int | None = None, *, progress: Progress | None = None) -> Manifest:
        """Compare every file of a version with its checksum.

        Raises:
            KnowledgeError: A file is missing, changed or foreign.
        """
        chosen = self.current() if number is None else number
        manifest, folder = self.manifest(chosen), self.folder(chosen)
        foreign = sorted(set(_files(folder)) - set(manifest.files))
        if foreign:
            raise damaged(folder, f"{foreign[0]} is not in its manifest")
        for done, name in enumerate(manifest.files, start=1):
            check_file(folder, manifest, name)
            if progress is not None:
                progress(done, len(manifest.files))
        return manifest

    def _records(self, draft: Path) -> dict[str, FileRecord]:
        known = self.manifest().files if self.exists() else {}
        before = self.folder(self.current()) if self.exists() else draft
        return {
            name: known[name]
            if name in known and _linked(draft / name, before / name)
            else file_record(draft / name)
            for name in _files(draft)
        }

    def _before(self, number: int) -> int | None:
        """From which a version was made; the newest below it where it does not say, or cannot be read."""
        try:
            parent = self.manifest(number).parent
        except KnowledgeError:
            parent = None
        return parent or max((each for each in self.numbers() if each < number), default=None)

    def _prune(self, current: Manifest, keep: int) -> None:
        """Versions that the one in force was made from stay first, then the newest of the others."""
        older = {each for each in self.numbers() if each != current.version}
        kept: list[int] = []
        parent = current.parent
        while parent in older and parent not in kept:
            kept.append(parent)
            parent = self._before(parent)
        kept += sorted(older - {*kept}, reverse=True)
        for number in kept[keep:]:
            shutil.rmtree(self.folder(number), ignore_errors=True)

    def _known(self) -> str:
        return ", ".join(map(str, self.numbers())) or "none"


def link_tree(source: Path, target: Path) -> None:
    """The same files under another folder, without their bytes; those that change are copied."""
    for path in source.rglob("*"):
        if path.is_file() and path.suffix != ".lock" and path.name != NAME:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.name in _REWRITTEN:
                shutil.copyfile(path, place)
            else:
                _link(path, place)


def _link(path: Path, place: Path) -> None:
    try:
        place.hardlink_to(path)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, place)


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in found)
    return sorted(name for name in names if name != NAME and not name.endswith(".lock"))


def _linked(path: Path, other: Path) -> bool:
    return other.is_file() and path.samefile(other)


def _sync(folder: Path) -> None:
    """To the disk, with every folder in between; linked files are there already."""
    for path in folder.rglob("*"):
        if path.is_dir() or path.stat().st_nlink == 1:
            _sync_one(path)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
