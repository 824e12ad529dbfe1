"""Who is asking for which reply at this moment, so that no two threads or processes pay for the same one."""

import os
import socket
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from knowledge.errors import KnowledgeError

CLAIMS = """
create table if not exists claims (
    key text primary key,
    host text not null,
    process integer not null,
    token text not null,
    until real not null
) without rowid
"""
LEASE = 900.0
"""Seconds after which a claim counts no more unless it is renewed; a call may take longer than that."""
RENEWALS = 3
"""In the time of a lease."""
TOKEN = uuid.uuid4().hex
"""Tells this process from an earlier one with the same number, as in a container that was restarted."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that claims replies."""

    host: str
    process: int
    token: str

    @classmethod
    def here(cls) -> Self:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), TOKEN)

    def claim(self, database: sqlite3.Connection, keys: Sequence[str]) -> list[str]:
        """Those of the keys that nobody holds, now held; within a transaction of the caller."""
        now, taken = time.time(), []
        for key in keys:
            held = database.execute(
                "select host, process, token, until from claims where key = ?", (key,)
            ).fetchone()
            if held is None or self._void(*held, now=now):
                row = (key, self.host, self.process, self.token, now + LEASE)
                database.execute("insert or replace into claims values (?, ?, ?, ?, ?)", row)
                taken.append(key)
        return taken

    def release(self, database: sqlite3.Connection, keys: Sequence[str]) -> None:
        """Give up claims of this process; within a transaction of the caller."""
        database.executemany(
            "delete from claims where key = ? and token = ?", [(key, self.token) for key in keys]
        )

    def renew(self, database: sqlite3.Connection) -> None:
        """Prolong all claims of this process; within a transaction of the caller."""
        database.execute("update claims set until = ? where token = ?", (time.time() + LEASE, self.token))

    def _void(self, host: str, process: int, token: str, until: float, *, now: float) -> bool:
        """Whether a claim has run out or its process is known to be gone."""
        if token == self.token:
            return False
        if until < now or until > now + 2 * LEASE:  # the latter only after a clock was set back
            return True
        return host == self.host and (process == self.process or not _runs(process))


class Renewable(Protocol):
    """Holds claims."""

    def renew(self) -> None:
        """Prolong them."""
        ...


def keep_renewing(holder: Renewable, ended: threading.Event) -> None:
    """Renew claims in the background until `ended` is set or nobody uses the holder any more."""
    seen = weakref.ref(holder)

    def work() -> None:
        while not ended.wait(LEASE / RENEWALS):
            if (alive := seen()) is None:
                return
            try:
                alive.renew()
            except KnowledgeError:  # a damaged log is told of where it is used
                return
            del alive

    threading.Thread(target=work, name="claims", daemon=True).start()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
