"""The vectors of one encoder on disk: mapped, appended to by any number of processes, checked, compacted."""

import os
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS about (dimension INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS vectors
    (image TEXT PRIMARY KEY, row INTEGER UNIQUE NOT NULL, checksum INTEGER NOT NULL)""",
)
ROWS = "rows.sqlite"
ASKED_AT_ONCE = 500  # SQLite allows 999 placeholders at least
ROWS_AT_ONCE = 4096
SECONDS_FOR_LOCK = 120

Vectors = NDArray[np.float32]
Entry = tuple[str, int, int]  # image, row, checksum


@dataclass(frozen=True, slots=True)
class VectorFile:
    """Vectors by image digest: float32 rows in `vectors-<n>.f32`, and which row is whose in `rows.sqlite`.

    A row counts once SQLite has committed it, which happens after its bytes are on disk. What a killed
    process wrote without a commit is overwritten by the next. SQLite's locks keep writers in a row and
    readers whole. Bytes of a row that counts never change; compaction writes the next `vectors-<n>.f32` and
    the commit that renumbers the rows also names it (as SQLite's `user_version`), so that a process killed at
    any moment leaves either the old pair or the new one, and a map that a reader holds stays as it was.

    Attributes:
        folder: Of one encoder.
        dimension: Length of its vectors.
    """

    folder: Path
    dimension: int

    @classmethod
    def create(cls, folder: Path, *, dimension: int) -> "VectorFile":
        """The vectors in a folder, which is made where it is not there.

        Raises:
            ModelsError: The folder holds vectors of another length, or is damaged.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with transaction(folder, write=True) as database:
            for statement in SCHEMA:
                database.execute(statement)
            found = database.execute("SELECT dimension FROM about").fetchone()
            if found is None:
                database.execute("INSERT INTO about VALUES (?)", (dimension,))
        if found not in {None, (dimension,)}:
            raise ModelsError(
                f"{folder} holds vectors of length {found[0]}, not {dimension}; use another folder"
            )
        return cls(folder, dimension)

    @classmethod
    def open(cls, folder: Path) -> "VectorFile":
        """The vectors in a folder that is there.

        Raises:
            ModelsError: It is damaged.
        """
        with transaction(folder) as database:
            found = database.execute("SELECT dimension FROM about").fetchone()
        if found is None:
            raise ModelsError(f"{folder} holds no vectors; delete it")
        return cls(folder, found[0])

    def append(self, images: Sequence[str], values: Vectors) -> None:
        """Add vectors `(n, d) float32` of image digests, in place of any they had.

        Raises:
            ModelsError: A value is not finite, or the vectors cannot be written.
        """
        if values.shape != (len(images), self.dimension):
            raise ValueError(f"values are {values.shape}, expected {(len(images), self.dimension)}")
        if not np.isfinite(values).all():
            raise ModelsError(
                "the encoder gave values that are not finite; check its weights, or set its precision to "
                "float32 if it is lower"
            )
        rows = np.ascontiguousarray(values, dtype="<f4")
        with transaction(self.folder, write=True) as database:
            (first,) = database.execute("SELECT COALESCE(MAX(row) + 1, 0) FROM vectors").fetchone()
            write_at(self.path(generation(database)), first * 4 * self.dimension, rows)
            checksums = row_checksums(rows).tolist()
            entries = [(image, first + n, checksums[n]) for n, image in enumerate(images)]
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", entries)

    def absent(self, images: Sequence[str]) -> set[str]:
        """Those images without a vector, or with one that does not agree with its checksum."""
        good = np.concatenate([np.zeros(0, dtype=bool), *(good for _, good in self.checked(images))])
        return {image for image, fine in zip(images, good.tolist(), strict=True) if not fine}

    def blocks(self, images: Sequence[str]) -> Iterator[Vectors]:
        """Vectors `(b, d) float32` of images in their order, some thousand at a time.

        Raises:
            ModelsError: An image without an intact vector.
        """
        for values, good in self.checked(images):
            if not good.all():
                lost = np.count_nonzero(~good)
                raise ModelsError(f"{self.folder} has no intact vector of {lost} images; encode them again")
            yield values

    def checked(self, images: Sequence[str]) -> Iterator[tuple[Vectors, NDArray[np.bool_]]]:
        """Rows `(b, d)` of images in their order, and which of them `(b,)` are what was once appended."""
        with transaction(self.folder) as database:
            row, checksum = places(database, images)
            stored = self.mapped(database)  # under the lock, so that the rows are of this very file
        for start in range(0, len(images), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            good = (row[block] >= 0) & (row[block] < len(stored))
            values = np.zeros((len(good), self.dimension), dtype="<f4")
            values[good] = stored[row[block][good]]
            yield values, good & (row_checksums(values) == checksum[block])

    def images(self) -> tuple[str, ...]:
        """Digests of all images that have a row."""
        with transaction(self.folder) as database:
            return tuple(image for (image,) in database.execute("SELECT image FROM vectors ORDER BY row"))

    def verify(self) -> tuple[str, ...]:
        """Digests of images whose vector does not agree with its checksum; they will be encoded again."""
        return tuple(sorted(self.absent(self.images())))

    def prune(self, *, keep: Collection[str]) -> int:
        """Drops damaged vectors and those of all images not in `keep`; how many bytes this freed."""
        before = self.size()
        with transaction(self.folder, write=True) as database:
            old, new = generation(database), generation(database) + 1
            self.remove_but(old)  # what killed compactions left
            listed = database.execute("SELECT image, row, checksum FROM vectors ORDER BY row")
            kept = self.copy_rows(self.mapped(database), [each for each in listed if each[0] in keep], new)
            database.execute("DELETE FROM vectors")
            entries = [(image, row, checksum) for row, (image, checksum) in enumerate(kept)]
            database.executemany("INSERT INTO vectors VALUES (?, ?, ?)", entries)
            database.execute(f"PRAGMA user_version = {new}")
        with transaction(self.folder, write=True) as database:
            self.remove_but(generation(database))
        with closing(connection(self.folder)) as database:
            database.execute("VACUUM")
        return before - self.size()

    def copy_rows(self, stored: Vectors, entries: Sequence[Entry], number: int) -> list[tuple[str, int]]:
        """Writes the intact rows of entries to a generation's file; their images and checksums in order."""
        kept: list[tuple[str, int]] = []
        there = [entry for entry in entries if entry[1] < len(stored)]
        with self.path(number).open("wb") as file:
            for start in range(0, len(there), ROWS_AT_ONCE):
                block = there[start : start + ROWS_AT_ONCE]
                values = stored[[row for _, row, _ in block]]
                good = row_checksums(values) == [checksum for _, _, checksum in block]
                file.write(values[good].data)
                kept += [(image, crc) for (image, _, crc), fine in zip(block, good, strict=True) if fine]
            file.flush()
            os.fsync(file.fileno())
        return kept

    def mapped(self, database: sqlite3.Connection) -> Vectors:
        """All whole rows on disk, `(rows, d) float32`, mapped and not loaded."""
        file = self.path(generation(database))
        rows = file.stat().st_size // (4 * self.dimension) if file.exists() else 0
        if not rows:
            return self.nothing()
        return np.memmap(file, dtype="<f4", mode="r", shape=(rows, self.dimension))

    def path(self, number: int) -> Path:
        """Where the rows of a generation lie."""
        return self.folder / (f"vectors-{number}.f32" if number else "vectors.f32")

    def remove_but(self, number: int) -> None:
        """Deletes the rows of all other generations; the write lock must be held."""
        for file in self.folder.glob("vectors*.f32"):
            if file != self.path(number):
                file.unlink()

    def nothing(self) -> Vectors:
        """Vectors of no image, `(0, d)`."""
        return np.empty((0, self.dimension), dtype="<f4")

    def count(self) -> int:
        """Images with a row."""
        with transaction(self.folder) as database:
            return int(database.execute("SELECT COUNT(*) FROM vectors").fetchone()[0])

    def size(self) -> int:
        """Bytes on disk."""
        return sum(size_of(file) for file in self.folder.iterdir())

    def changed(self) -> float:
        """When a row was last added or dropped, in seconds since 1970."""
        return (self.folder / ROWS).stat().st_mtime


def connection(folder: Path) -> sqlite3.Connection:
    """The database of a folder, without a transaction."""
    return sqlite3.connect(folder / ROWS, timeout=SECONDS_FOR_LOCK, isolation_level=None)


@contextmanager
def transaction(folder: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """The database of a folder as one state; committed when the block ends well.

    Raises:
        ModelsError: It is damaged, or cannot be reached.
    """
    try:
        with closing(connection(folder)) as database:
            database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            yield database
            database.execute("COMMIT")
    except sqlite3.Error as error:
        message = (
            f"{folder / ROWS} cannot be used ({error}); if it is damaged, delete {folder} to encode anew"
        )
        raise ModelsError(message) from error


def places(
    database: sqlite3.Connection, images: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row (-1 where there is none) and checksum of images, each `(n,)`."""
    row, checksum = np.full(len(images), -1, dtype=np.int64), np.zeros(len(images), dtype=np.int64)
    for start in range(0, len(images), ASKED_AT_ONCE):
        asked = images[start : start + ASKED_AT_ONCE]
        marks = ",".join("?" * len(asked))
        query = f"SELECT image, row, checksum FROM vectors WHERE image IN ({marks})"  # noqa: S608  # marks only
        found = {image: (at, crc) for image, at, crc in database.execute(query, asked)}
        for place, image in enumerate(asked, start):
            row[place], checksum[place] = found.get(image, (-1, 0))
    return row, checksum


def generation(database: sqlite3.Connection) -> int:
    """How often the rows were compacted."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def size_of(file: Path) -> int:
    """Bytes of a file; none where another process has just deleted it, as SQLite does its journal."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def row_checksums(values: Vectors) -> NDArray[np.int64]:
    """CRC-32 of each row `(n,)`."""
    return np.fromiter((zlib.crc32(row.data) for row in values), dtype=np.int64, count=len(values))


def write_at(path: Path, place: int, values: Vectors) -> None:
    """Put values on disk from a byte on.

    Raises:
        ModelsError: They cannot be written, e.g. because the disk is full.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            file.seek(place)
            file.write(values.data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        message = f"vectors cannot be written to {path.parent} ({error.strerror})"
        raise ModelsError(f"{message}; make room or allow writing there, and run again") from error
