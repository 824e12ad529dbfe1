"""Every reply of a language model, kept: no call is paid twice, and a killed run goes on where it was."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from knowledge.errors import KnowledgeError
from knowledge.language.claims import CLAIMS, Owner
from knowledge.language.endpoint.ledger import Request, Spending

SCHEMA = (
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
    create table if not exists requests (
        account text not null,
        key text not null,
        at text not null default current_timestamp,
        outcome text not null,
        attempt integer not null,
        seconds real not null,
        prompt_tokens integer not null,
        completion_tokens integer not null,
        estimated integer not null,
        cost real not null,
        served text not null
    )
    """,
    "create index if not exists requests_by_account on requests (account)",
    CLAIMS,
)
"""Tables are only ever added, so that a log of any age is read and written by any version."""
SPENT = """
select count(*), coalesce(sum(attempt > 1), 0), coalesce(sum(outcome = 'invalid'), 0),
    coalesce(sum(outcome = 'garbage'), 0), coalesce(sum(outcome = 'lost'), 0),
    coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
    coalesce(sum(estimated * (prompt_tokens + completion_tokens)), 0), coalesce(sum(cost), 0.0)
from requests where account = ?
"""
RECORD = """
insert into requests (
    account, key, outcome, attempt, seconds, prompt_tokens, completion_tokens, estimated, cost, served
) values (
    :account, :key, :outcome, :attempt, round(:seconds, 4), :prompt_tokens, :completion_tokens, :estimated,
    :cost, :served
)
"""
KEYS_PER_QUERY = 500
T = TypeVar("T")


class CallLog:
    """Replies by key in one SQLite file, safe to share between threads and processes.

    Args:
        path: The file, made where it is missing.
        keep_prompts: Also store the prompts, to read the log; leave it off where prompts hold report text.
    """

    def __init__(self, path: Path, *, keep_prompts: bool = False) -> None:
        self.path = path
        self.keep_prompts = keep_prompts
        self._lock = threading.Lock()
        self._owner = Owner.here()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, timeout=60, check_same_thread=False)
            self._database.execute("pragma journal_mode=wal")
            for table in SCHEMA:
                self._database.execute(table)
            self._database.commit()
        except sqlite3.DatabaseError as error:
            raise KnowledgeError(
                f"The call log {path} cannot be read as SQLite ({error}); move it away to start a new one."
            ) from error

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The replies that are known, by key."""
        with self._lock:
            return {key: json.loads(reply) for key, reply in self._known(keys)}

    def put(self, model: str, kind: str, replies: Sequence[tuple[str, str, Any]]) -> None:
        """Store (key, prompt, reply) of one batch, give up its claims and commit; the first reply stays."""
        rows = [
            (key, model, kind, json.dumps(reply), prompt if self.keep_prompts else None)
            for key, prompt, reply in replies
        ]
        with self._transaction():
            self._database.executemany(
                "insert or ignore into replies (key, model, kind, reply, prompt) values (?, ?, ?, ?, ?)", rows
            )
            self._owner.release(self._database, [key for key, *_ in rows])

    def claim(self, keys: Sequence[str]) -> list[str]:
        """Of the keys without a reply, those that are now this caller's to ask and no one else's.

        Claims end with the reply, with `release`, with the process that holds them, or after a while.
        """
        with self._transaction():
            known = {key for key, _ in self._known(keys)}
            return self._owner.claim(self._database, [key for key in keys if key not in known])

    def release(self, keys: Sequence[str]) -> None:
        """Give up claims without a reply."""
        with self._transaction():
            self._owner.release(self._database, keys)

    def recorder(self, account: str) -> Callable[[Request], None]:
        """Keeps requests to endpoints under the name of who pays, each committed at once."""

        def record(request: Request) -> None:
            with self._transaction():
                self._database.execute(RECORD, asdict(request) | {"account": account})

        return record

    def spent(self, account: str) -> Spending:
        """What an account has paid so far, in all processes."""
        with self._lock:
            return Spending(*self._database.execute(SPENT, (account,)).fetchone())

    def models(self) -> tuple[str, ...]:
        """Digests of the models that have replied."""
        with self._lock:
            rows = self._database.execute("select distinct model from replies order by model").fetchall()
        return tuple(model for (model,) in rows)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _known(self, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        for some in slices(list(keys), KEYS_PER_QUERY):
            marks = ",".join("?" * len(some))
            query = f"select key, reply from replies where key in ({marks})"  # noqa: S608 # only question marks
            yield from self._database.execute(query, some)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One writer at a time, from its first read on; all or nothing."""
        with self._lock, self._database:
            self._database.execute("begin immediate")
            yield


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
