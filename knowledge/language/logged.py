"""A language model that asks another only what the log does not know yet."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language.call_log import CallLog, slices
from knowledge.language.keys import choice_key, completion_key, structured_key
from knowledge.language.parallel import concurrently
from knowledge.language.protocol import LanguageModel, Sampling, StructuredModel
from knowledge.language.shapes import Shape

POLL = 0.1
"""Seconds between two looks at what another thread or process is asking."""
CHOICES_PER_COMPLETION = 8
"""A choice is a single token: more of them between two commits, so that they share the reading of a text."""


@runtime_checkable
class Concurrent(Protocol):
    """A model that answers several calls at once; each of them is asked for one prompt and kept at once."""

    @property
    def concurrency(self) -> int:
        """Calls at once."""
        ...


class LoggedModel:
    """Commits each reply before it asks for the next, and waits for a reply that someone else is asking for.

    Args:
        model: Who is asked.
        log: Where replies are kept.
        commit_every: Prompts per call of a model that answers one call at a time.
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
        self.progress = progress
        self.cached = 0
        """Replies that were found in the log."""
        self._workers = model.concurrency if isinstance(model, Concurrent) else 1
        self._size = 1 if isinstance(model, Concurrent) else commit_every

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
        size = self._size if self._size == 1 else self._size * CHOICES_PER_COMPLETION
        known = self._answer(
            "choose", prompts, keys, lambda some: self.model.choose(some, options).tolist(), size=size
        )
        return np.array([known[key] for key in keys], dtype=np.float64).reshape(len(keys), len(options))

    def structured(self, prompts: Sequence[str], shape: Shape, *, max_tokens: int) -> list[Any]:
        """For each prompt a value of the shape, or none."""
        model = self.model
        if not isinstance(model, StructuredModel):
            raise KnowledgeError(
                "This language model gives no structured replies; use an endpoint with protocol chat."
            )
        keys = [structured_key(self.digest, prompt, shape, max_tokens) for prompt in prompts]
        known = self._answer(
            "structured", prompts, keys, lambda some: model.structured(some, shape, max_tokens=max_tokens)
        )
        return [known[key] for key in keys]

    def _answer(
        self,
        kind: str,
        prompts: Sequence[str],
        keys: Sequence[str],
        ask: Callable[[list[str]], list[Any]],
        *,
        size: int | None = None,
    ) -> dict[str, Any]:
        prompt_of = dict(zip(keys, prompts, strict=True))
        known = self.log.get(list(prompt_of))
        self.cached += len(known)
        missing = [key for key in prompt_of if key not in known]
        counter = _Counter(len(missing), self.progress)

        def settle(some: Sequence[str]) -> dict[str, Any]:
            mine = self.log.claim(some)
            if not mine:
                return {}
            try:
                replies = ask([prompt_of[key] for key in mine])
            except BaseException:
                self.log.release(mine)
                raise
            found = dict(zip(mine, replies, strict=True))
            self.log.put(self.digest, kind, [(key, prompt_of[key], reply) for key, reply in found.items()])
            counter.add(len(mine))
            return found

        while missing:
            batches = list(slices(missing, size or self._size))
            for found in concurrently(settle, batches, workers=self._workers):
                known |= found
            missing = [key for key in missing if key not in known]
            if missing:  # someone else is asking for these
                time.sleep(POLL)
                others = self.log.get(missing)
                known |= others
                counter.add(len(others))
                missing = [key for key in missing if key not in others]
        return known


class _Counter:
    """Tells progress from several threads."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None) -> None:
        self._total, self._tell, self._done = total, tell, 0
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        with self._lock:
            self._done += number
            if self._tell and number:
                self._tell(self._done, self._total)
