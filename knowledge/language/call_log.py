"""Every reply of a language model, kept: no call is paid twice, and a killed run goes on where it was."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knowledge.language.accounts import ACCOUNTS, SPENT, Account
from knowledge.language.claims import CLAIMS, Owner, keep_renewing
from knowledge.language.endpoint.ledger import Spending
from knowledge.language.replies import REPLIES, Replies, readable
from knowledge.write_ahead import use_write_ahead_log

UNUSABLE = """
insert into unusable (key, model, kind, times) values (?, ?, ?, 1)
on conflict (key) do update set times = times + 1
"""


class CallLog(Replies):
    """Replies by key in one SQLite file, safe to share between threads and processes.

    Args:
        path: The file, made where it is missing.
        keep_prompts: Also store the prompts, to read the log; leave it off where prompts hold report text.
    """

    def __init__(self, path: Path, *, keep_prompts: bool = False) -> None:
        self.keep_prompts = keep_prompts
        self._owner = Owner.here()
        self._closed = threading.Event()
        self._renewing = False
        path.parent.mkdir(parents=True, exist_ok=True)
        with readable(path):
            database = sqlite3.connect(path, timeout=60, check_same_thread=False)
            use_write_ahead_log(database)
            for table in (*REPLIES, *ACCOUNTS, CLAIMS):
                database.execute(table)
            database.commit()
        super().__init__(path, database)

    def put(self, model: str, kind: str, replies: Sequence[tuple[str, str, Any]]) -> None:
        """Store (key, prompt, reply) of one batch, give up its claims and commit; the first reply stays.

        None stands for an unusable reply: it is counted, and the key stays without a reply.
        """
        rows = [
            (key, model, kind, json.dumps(reply), prompt if self.keep_prompts else None)
            for key, prompt, reply in replies
            if reply is not None
        ]
        with self._transaction() as database:
            database.executemany(
                "insert or ignore into replies (key, model, kind, reply, prompt) values (?, ?, ?, ?, ?)", rows
            )
            database.executemany(UNUSABLE, [(key, model, kind) for key, _, reply in replies if reply is None])
            self._owner.release(database, [key for key, *_ in replies])

    def claim(self, keys: Sequence[str]) -> list[str]:
        """Of the keys without a reply, those that are now this caller's to ask and no one else's.

        Claims end with the reply, with `release`, or with the process that holds them.
        """
        with self._transaction() as database:
            known = {key for key, _ in self._rows("replies", "key", keys)}
            taken = self._owner.claim(database, [key for key in keys if key not in known])
            starting = bool(taken) and not self._renewing
            self._renewing = self._renewing or starting
        if starting:
            keep_renewing(self, self._closed)
        return taken

    def release(self, keys: Sequence[str]) -> None:
        """Give up claims without a reply."""
        with self._transaction() as database:
            self._owner.release(database, keys)

    def renew(self) -> None:
        """Prolong all claims of this process."""
        with self._transaction() as database:
            self._owner.renew(database)

    def remember(self, asked: str, found: Any) -> None:
        """Keep a JSON value under a name, in the place of an earlier one; none is nothing."""
        with self._transaction() as database:
            database.execute("insert or replace into known values (?, ?)", (asked, json.dumps(found)))

    def recorder(self, account: str) -> Account:
        """Keeps requests to endpoints under the name of who pays."""
        return Account(account, self._transaction)

    def spent(self, account: str) -> Spending:
        """What an account has paid so far, in all processes."""
        with self._reading():
            return Spending(*self._database.execute(SPENT, {"account": account}).fetchone())

    def close(self) -> None:
        """Close the file."""
        self._closed.set()
        with self._lock:
            super().close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time, from its first read on; all or nothing."""
        with self._lock, readable(self.path), self._database:
            self._database.execute("begin immediate")
            yield self._database
