"""Keeps every vector ever computed, by encoder and image content, safe against kills and second writers."""

import os
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS about (dimension INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS vectors
    (image TEXT PRIMARY KEY, row INTEGER UNIQUE NOT NULL, checksum INTEGER NOT NULL)""",
)
ASKED_AT_ONCE = 500  # SQLite allows 999 placeholders at least
SECONDS_FOR_LOCK = 120


class FeatureStore:
    """A folder with one `VectorFile` for each encoder.

    Args:
        directory: Made where it does not exist; may be shared by runs and processes.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def vectors(self, encoder_digest: str, *, dimension: int) -> "VectorFile":
        """The vectors of one encoder."""
        if not re.fullmatch(r"[\w-]{1,128}", encoder_digest):
            raise ValueError(f"{encoder_digest!r} cannot name a folder")
        return VectorFile(self.directory / encoder_digest, dimension=dimension)


class VectorFile:
    """Vectors by image digest: float32 rows in `vectors.f32`, and which row is whose in `rows.sqlite`.

    A row counts once SQLite has committed it, which happens after its bytes are on disk. What a killed
    process wrote without a commit is overwritten by the next. SQLite's write lock keeps a second process
    waiting.

    Args:
        folder: Of one encoder.
        dimension: Length of its vectors.

    Raises:
        ModelsError: The folder holds vectors of another length, or is damaged.
    """

    def __init__(self, folder: Path, *, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self.bytes = folder / "vectors.f32"
        self.rows = folder / "rows.sqlite"
        folder.mkdir(parents=True, exist_ok=True)
        with self.transaction() as database:
            for statement in SCHEMA:
                database.execute(statement)
            found = database.execute("SELECT dimension FROM about").fetchone()
            if found is None:
                database.execute("INSERT INTO about VALUES (?)", (dimension,))
        if found not in {None, (dimension,)}:
            raise ModelsError(
                f"{folder} holds vectors of length {found[0]}, not {dimension}; use another folder"
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database under its write lock; committed when the block ends well."""
        try:
            with closing(
                sqlite3.connect(self.rows, timeout=SECONDS_FOR_LOCK, isolation_level=None)
            ) as database:
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
        except sqlite3.Error as error:
            message = (
                f"{self.rows} cannot be used ({error}); if it is damaged, delete {self.folder} to encode anew"
            )
            raise ModelsError(message) from error

    def append(self, images: Sequence[str], values: NDArray[np.float32]) -> None:
        """Add vectors `(n, d) float32` of image digests, in place of any they had.

        Raises:
            ModelsError: A value is not finite.
        """
        if values.shape != (len(images), self.dimension):
            raise ValueError(f"values are {values.shape}, expected {(len(images), self.dimension)}")
        if not np.isfinite(values).all():
            raise ModelsError("the encoder gave values that are not finite; check its weights")
        rows = np.ascontiguousarray(values, dtype="<f4")
        with self.transaction() as database:
            (first,) = database.execute("SELECT COALESCE(MAX(row) + 1, 0) FROM vectors").fetchone()
            self.write(first, rows.tobytes())
            entries = [(image, first + n, zlib.crc32(rows[n].tobytes())) for n, image in enumerate(images)]
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", entries)

    def write(self, row: int, data: bytes) -> None:
        """Put bytes on disk from a row on."""
        with os.fdopen(os.open(self.bytes, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            file.seek(row * self.dimension * 4)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def read(self, images: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors `(d,) float32` of those images that have one; a damaged one counts as absent."""
        entries = self.entries(list(images))
        values = self.values()
        return {
            image: np.array(values[row])
            for image, row, checksum in entries
            if row < len(values) and zlib.crc32(values[row].tobytes()) == checksum
        }

    def verify(self) -> tuple[str, ...]:
        """Digests of images whose vector does not agree with its checksum; they will be encoded again."""
        with self.transaction() as database:
            images = {image for (image,) in database.execute("SELECT image FROM vectors")}
        return tuple(sorted(images - self.read(images).keys()))

    def entries(self, images: Sequence[str]) -> list[tuple[str, int, int]]:
        """Image, row and checksum of those images that have a row, by row."""
        found: list[tuple[str, int, int]] = []
        with self.transaction() as database:
            for start in range(0, len(images), ASKED_AT_ONCE):
                asked = images[start : start + ASKED_AT_ONCE]
                marks = ",".join("?" * len(asked))
                query = f"SELECT image, row, checksum FROM vectors WHERE image IN ({marks})"  # noqa: S608  # marks only
                found += database.execute(query, asked).fetchall()
        return sorted(found, key=lambda entry: entry[1])

    def values(self) -> NDArray[np.float32]:
        """All whole rows on disk, `(rows, d) float32`, mapped and not loaded."""
        rows = self.bytes.stat().st_size // (4 * self.dimension) if self.bytes.exists() else 0
        if not rows:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.memmap(self.bytes, dtype="<f4", mode="r", shape=(rows, self.dimension))
