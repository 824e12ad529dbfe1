"""Passage vectors kept across runs: the dearest part of a dense index, keyed by what they were made from."""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.write_ahead import use_write_ahead_log

_AT_ONCE = 500  # SQLite takes at most 999 parameters in old builds


def text_digest(text: str) -> str:
    """SHA-256 of the text."""
    return hashlib.sha256(text.encode()).hexdigest()


class VectorCache:
    """Vectors by encoder and text, in one SQLite file; safe to share between processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS vectors"
                " (encoder TEXT, text TEXT, vector BLOB NOT NULL, PRIMARY KEY (encoder, text)) WITHOUT ROWID"
            )

    def get(self, encoder: str, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors `(d,) float32` of those texts that are known, by text digest."""
        known: dict[str, NDArray[np.float32]] = {}
        with closing(self._connect()) as database:
            for start in range(0, len(texts), _AT_ONCE):
                some = texts[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = database.execute(
                    f"SELECT text, vector FROM vectors WHERE encoder = ? AND text IN ({marks})",  # noqa: S608 - marks only
                    (encoder, *some),
                )
                known.update((text, np.frombuffer(vector, dtype="<f4")) for text, vector in rows)
        return known

    def everything(self, encoder: str) -> NDArray[np.float32]:
        """All vectors of an encoder, by text digest: `(n, d) float32`."""
        with closing(self._connect()) as database:
            rows = database.execute("SELECT vector FROM vectors WHERE encoder = ? ORDER BY text", (encoder,))
            found = [np.frombuffer(vector, dtype="<f4") for (vector,) in rows]
        return np.stack(found) if found else np.empty((0, 0), dtype=np.float32)

    def put(self, encoder: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep vectors `(d,) float32` by text digest."""
        rows = [
            (encoder, text, np.asarray(vector, dtype="<f4").tobytes()) for text, vector in vectors.items()
        ]
        with closing(self._connect()) as database, database:
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        try:
            database = sqlite3.connect(self._path, timeout=60)
            use_write_ahead_log(database)
        except sqlite3.Error as error:
            raise KnowledgeError(
                f"The vector cache {self._path} cannot be opened ({error}): delete it or choose another."
            ) from error
        return database
