"""The replies of a call log, to be read: what was answered, what never was, and what is known of models."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from knowledge.errors import KnowledgeError

REPLIES = (
    """
    create table if not exists replies (
        key text primary key,
        model text not null,
        kind text not null,
        reply text not null,
        prompt text
    ) without rowid
    """,
    """
    create table if not exists unusable (
        key text primary key,
        model text not null,
        kind text not null,
        times integer not null
    ) without rowid
    """,
    "create table if not exists known (asked text primary key, found text not null) without rowid",
)
"""Tables are only ever added, so that a log of any age is read and written by any version."""
KEYS_PER_QUERY = 500
T = TypeVar("T")


class Replies:
    """Replies by key in one SQLite file, safe to share between threads.

    Args:
        path: The file.
        database: Connection to it, which may be used in all threads.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The replies that are known, by key."""
        with self._reading():
            return {key: json.loads(reply) for key, reply in self._rows("replies", "reply", keys)}

    def unusable(self, keys: Sequence[str]) -> dict[str, int]:
        """How often a model gave no usable reply, by key."""
        with self._reading():
            return dict(self._rows("unusable", "times", keys))

    def models(self, *kinds: str) -> tuple[str, ...]:
        """Digests of the models that have replied, of all kinds or of those named."""
        with self._reading():
            rows = self._database.execute(
                "select distinct model, kind from replies order by model"
            ).fetchall()
        return tuple(dict.fromkeys(model for model, kind in rows if not kinds or kind in kinds))

    def recall(self, asked: str) -> Any:
        """What was kept under a name by `CallLog.remember`; none where nothing was."""
        with self._reading():
            return next((json.loads(found) for _, found in self._rows("known", "found", [asked])), None)

    def digest(self) -> str:
        """SHA-256 of all replies."""
        total = hashlib.sha256()
        with self._reading():
            for row in self._database.execute("select key, reply from replies order by key"):
                total.update(json.dumps(row).encode())
            if self._has("unusable"):
                for row in self._database.execute("select key from unusable order by key"):
                    total.update(json.dumps(row).encode())
        return total.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows(self, table: str, value: str, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
        if not self._has(table):
            return
        name = "asked" if table == "known" else "key"
        for some in slices(list(keys), KEYS_PER_QUERY):
            marks = ",".join("?" * len(some))
            query = f"select {name}, {value} from {table} where {name} in ({marks})"  # noqa: S608 # our names
            yield from self._database.execute(query, some)

    def _has(self, table: str) -> bool:
        found = self._database.execute(
            "select 1 from sqlite_master where type = 'table' and name = ?", (table,)
        )
        return found.fetchone() is not None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, readable(self.path):
            yield


def open_replies(path: Path) -> Replies:
    """A call log that is only read: nothing beside it is written, and its folder may be write-protected.

    Raises:
        KnowledgeError: No such file, or no call log.
    """
    if not path.is_file():
        raise KnowledgeError(f"No call log at {path} to replay; give the calls.sqlite of an earlier run.")
    in_use = path.with_name(f"{path.name}-wal").exists()
    address = f"file:{quote(str(path.resolve()))}?mode=ro{'' if in_use else '&immutable=1'}"
    with readable(path):
        replies = Replies(path, sqlite3.connect(address, uri=True, timeout=60, check_same_thread=False))
        replies.models()
    return replies


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Tells what is wrong with a call log that is damaged or out of reach."""
    try:
        yield
    except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise  # a fault of ours
        raise KnowledgeError(
            f"The call log {path} cannot be read as SQLite ({error}); move it away to start a new one."
        ) from error


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
