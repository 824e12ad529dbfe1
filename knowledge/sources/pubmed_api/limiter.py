"""A schedule of requests that all threads and processes of a machine share."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api.settings import EntrezSettings

SCHEMA = "create table if not exists schedule (name text primary key, last real, until real) without rowid"


@dataclass(frozen=True, slots=True)
class RateLimiter:
    """Lets one request leave every `spacing_s` seconds, whoever asks.

    The file holds when the last request left, by the clock of the machine since its start, which all its
    processes share. Who waits looks again when it wakes, and nobody else looks while a request leaves: two
    requests are apart however late the system lets a process run. A killed process leaves nothing behind but
    a lock that the system frees.

    Attributes:
        path: A SQLite file, made where it is missing; on a local disk.
        name: What the rate is counted for, e.g. the host, with or without key.
        spacing_s: Seconds between two requests.
        sleep: Waits; tests pass another.
    """

    path: Path
    name: str
    spacing_s: float
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a request may leave, and keep all others waiting while it does."""
        while True:
            taken = self._take()
            with self._locked() as database:
                last, until = self._row(database)
                if last == taken:  # else this process slept so long that another has gone ahead
                    try:
                        yield
                    finally:
                        self._store(database, time.monotonic(), until)
                        database.commit()
                    return

    def pause(self, seconds: float) -> None:
        """Let nobody pass for so long: the server has asked one of us to wait."""
        with self._locked() as database:
            last, until = self._row(database)
            self._store(database, last, max(until, time.monotonic() + seconds))

    def _take(self) -> float:
        """Wait for a slot and write it down at once, so that it counts even if this process is killed."""
        while True:
            with self._locked() as database:
                last, until = self._row(database)
                now = time.monotonic()
                if last > now:  # the machine has started anew, and its clock with it
                    last, until = now, now
                    self._store(database, last, until)
                remaining = max(last + self.spacing_s, until) - now
                if remaining <= 0:
                    self._store(database, now, until)
                    return now
            self.sleep(remaining)

    def _row(self, database: sqlite3.Connection) -> tuple[float, float]:
        rows = database.execute("select last, until from schedule where name = ?", (self.name,)).fetchall()
        return rows[0] if rows else (-self.spacing_s, 0.0)

    def _store(self, database: sqlite3.Connection, last: float, until: float) -> None:
        database.execute("insert or replace into schedule values (?, ?, ?)", (self.name, last, until))

    @contextmanager
    def _locked(self) -> Iterator[sqlite3.Connection]:
        """The file, to nobody else meanwhile; opened anew each time, so nothing is carried over a fork."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            with closing(database), database:
                database.execute("pragma synchronous=off")  # a lost slot after a power cut harms nobody
                database.execute("begin immediate")
                database.execute(SCHEMA)
                yield database
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> KnowledgeError:
        return KnowledgeError(
            f"The request schedule {self.path} cannot be used ({error}): "
            "remove it or choose another cache folder."
        )


def entrez_limiter(cache: Path, settings: EntrezSettings) -> RateLimiter:
    """The limiter that all fetches on this machine share: one schedule a host, with a key and without."""
    host = urlsplit(settings.base_url).netloc
    name = f"{host} {'with key' if settings.api_key else 'without key'}"
    return RateLimiter(cache / "entrez" / "schedule.sqlite", name, settings.spacing_s)
