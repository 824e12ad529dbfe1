"""Every reply of a language model, kept: no call is paid twice, and a killed run goes on where it was."""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language.protocol import LanguageModel, Sampling

SCHEMA = """
create table if not exists replies (
    key text primary key,
    model text not null,
    kind text not null,
    reply text not null,
    prompt text
) without rowid
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
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, timeout=60, check_same_thread=False)
            self._database.execute("pragma journal_mode=wal")
            self._database.execute(SCHEMA)
            self._database.commit()
        except sqlite3.DatabaseError as error:
            raise KnowledgeError(
                f"The call log {path} cannot be read as SQLite ({error}); move it away to start a new one."
            ) from error

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """The replies that are known, by key."""
        found: dict[str, Any] = {}
        with self._lock:
            for some in slices(list(keys), KEYS_PER_QUERY):
                marks = ",".join("?" * len(some))
                query = f"select key, reply from replies where key in ({marks})"  # noqa: S608 # only question marks
                found |= {key: json.loads(reply) for key, reply in self._database.execute(query, some)}
        return found

    def put(self, model: str, kind: str, replies: Sequence[tuple[str, str, Any]]) -> None:
        """Store (key, prompt, reply) of one batch and commit; the first reply to a key stays."""
        rows = [
            (key, model, kind, json.dumps(reply), prompt if self.keep_prompts else None)
            for key, prompt, reply in replies
        ]
        with self._lock, self._database:
            self._database.executemany("insert or ignore into replies values (?, ?, ?, ?, ?)", rows)

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


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive parts of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def completion_key(model: str, prompt: str, sampling: Sampling) -> str:
    """What a completion is kept under."""
    return _key(["complete", model, prompt, asdict(sampling)])


def choice_key(model: str, prompt: str, options: Sequence[str]) -> str:
    """What the probabilities of options are kept under."""
    return _key(["choose", model, prompt, list(options)])


def _key(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class LoggedModel:
    """A language model that asks another only what the log does not know yet.

    Args:
        model: Who is asked.
        log: Where replies are kept.
        commit_every: Prompts per call of the model; each is committed before the next.
        progress: Called with (done, total) of the prompts that had to be asked.
    """

    def __init__(
        self,
        model: LanguageModel,
        log: CallLog,
        *,
        commit_every: int = 64,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.model = model
        self.log = log
        self.commit_every = commit_every
        self.progress = progress

    @property
    def digest(self) -> str:
        """That of the model behind it."""
        return self.model.digest

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """For each prompt, `sampling.samples` replies."""
        keys = [completion_key(self.digest, prompt, sampling) for prompt in prompts]
        known = self._answer("complete", prompts, keys, lambda some: self.model.complete(some, sampling))
        return [list(known[key]) for key in keys]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of the options as the next token: `(n, len(options)) float64`."""
        keys = [choice_key(self.digest, prompt, options) for prompt in prompts]
        known = self._answer("choose", prompts, keys, lambda some: self.model.choose(some, options).tolist())
        return np.array([known[key] for key in keys], dtype=np.float64).reshape(len(keys), len(options))

    def _answer(
        self, kind: str, prompts: Sequence[str], keys: Sequence[str], ask: Callable[[list[str]], list[Any]]
    ) -> dict[str, Any]:
        known = self.log.get(list(dict.fromkeys(keys)))
        missing = [
            (key, prompt) for key, prompt in dict(zip(keys, prompts, strict=True)).items() if key not in known
        ]
        done = 0
        for some in slices(missing, self.commit_every):
            replies = ask([prompt for _, prompt in some])
            self.log.put(
                self.digest, kind, [(*pair, reply) for pair, reply in zip(some, replies, strict=True)]
            )
            known |= {key: reply for (key, _), reply in zip(some, replies, strict=True)}
            done += len(some)
            if self.progress:
                self.progress(done, len(missing))
        return known
