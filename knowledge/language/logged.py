"""A language model that asks another only what the log does not know yet."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language.call_log import CallLog
from knowledge.language.endpoint.ledger import BudgetSpentError
from knowledge.language.keys import choice_key, completion_key, structured_key
from knowledge.language.parallel import concurrently
from knowledge.language.protocol import Concurrent, Distant, LanguageModel, Sampling, StructuredModel
from knowledge.language.replies import slices
from knowledge.language.shapes import Shape

POLL = 0.1
"""Seconds between two looks at what another thread or process is asking."""
TIMES = 3
"""Processes that ask a prompt whose replies are unusable."""
CHOICES_PER_COMPLETION = 8
"""A choice is a single token: more of them between two commits, so that they share the reading of a text."""


class LoggedModel:
    """Commits each reply before it asks for the next, and waits for a reply that someone else is asking for.

    An unusable reply is never kept as one: it is counted, and a later process asks again, `TIMES` times in
    all. Where nothing else is missing, the server need not be there for that.

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
        self._unusable: set[str] = set()
        self._counting = threading.Lock()
        self.workers = model.concurrency if isinstance(model, Concurrent) else 1
        self._size = 1 if isinstance(model, Concurrent) else commit_every

    @property
    def digest(self) -> str:
        """That of the model behind it."""
        return self.model.digest

    @property
    def text_digest(self) -> str:
        """What texts and structured replies are kept under."""
        return self.model.text_digest if isinstance(self.model, Distant) else self.model.digest

    @property
    def unusable(self) -> int:
        """Prompts that have no usable reply, after all that was tried."""
        return len(self._unusable)

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """For each prompt, `sampling.samples` replies."""

        def keys() -> list[str]:
            return [completion_key(self.text_digest, prompt, sampling) for prompt in prompts]

        replies = self._answer("complete", prompts, keys, lambda some: self.model.complete(some, sampling))
        return [list(reply) for reply in replies]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of the options as the next token: `(n, len(options)) float64`.

        All are the same where no usable reply came.
        """

        def keys() -> list[str]:
            return [choice_key(self.digest, prompt, options) for prompt in prompts]

        def ask(some: list[str]) -> list[Any]:
            if isinstance(self.model, Distant):
                return list(self.model.chances(some, options))
            return list(self.model.choose(some, options).tolist())

        size = self._size if self._size == 1 else self._size * CHOICES_PER_COMPLETION
        even = [1 / len(options)] * len(options)
        rows = [row or even for row in self._answer("choose", prompts, keys, ask, size=size)]
        return np.array(rows, dtype=np.float64).reshape(len(prompts), len(options))

    def structured(self, prompts: Sequence[str], shape: Shape, *, max_tokens: int) -> list[Any]:
        """For each prompt a value of the shape, or none."""
        model = self.model
        if not isinstance(model, StructuredModel):
            raise KnowledgeError(
                "This language model gives no structured replies; use an endpoint with protocol chat."
            )

        def keys() -> list[str]:
            return [structured_key(self.text_digest, prompt, shape, max_tokens) for prompt in prompts]

        return self._answer(
            "structured", prompts, keys, lambda some: model.structured(some, shape, max_tokens=max_tokens)
        )

    def _answer(
        self,
        kind: str,
        prompts: Sequence[str],
        keys: Callable[[], list[str]],
        ask: Callable[[list[str]], list[Any]],
        *,
        size: int | None = None,
    ) -> list[Any]:
        """Replies in the order of the prompts, none for the unusable; `keys` follow the digests of today."""
        names = keys()
        known = self._known(names)
        if len(known) < len(set(names)) and self._confirmed(names, known) and (today := keys()) != names:
            names = today
            known = self._known(names)
        with self._counting:
            self.cached += sum(reply is not None for reply in known.values())
        prompt_of = dict(zip(names, prompts, strict=True))
        digest = self.digest if kind == "choose" else self.text_digest
        missing = {name: prompt for name, prompt in prompt_of.items() if name not in known}
        known |= _Batch(self, kind, digest, missing, ask).answer(size or self._size)
        self.note_unusable(name for name in prompt_of if known[name] is None)
        return [known[name] for name in names]

    def settled(self, names: Sequence[str]) -> dict[str, Any]:
        """What others have found meanwhile."""
        with self._counting:
            unusable = dict.fromkeys(name for name in names if name in self._unusable)
        return unusable | self.log.get(names)

    def note_unusable(self, names: Iterable[str]) -> None:
        """Prompts that are not asked again in this process."""
        with self._counting:
            self._unusable.update(names)

    def _known(self, names: Sequence[str]) -> dict[str, Any]:
        """Replies of the log, and none for what is not worth another try in this process or any."""
        distinct = list(dict.fromkeys(names))
        tried = self.log.unusable(distinct)
        hopeless = {name for name, times in tried.items() if times >= TIMES or name in self._unusable}
        return dict.fromkeys(hopeless) | self.log.get(distinct)

    def _confirmed(self, names: Sequence[str], known: dict[str, Any]) -> bool:
        """Whether the model can be asked; if it cannot, prompts that it gave nothing usable for stay so."""
        if not isinstance(self.model, Distant):
            return False
        try:
            self.model.confirm()
        except KnowledgeError:
            missing = {name for name in names if name not in known}
            if missing - set(self.log.unusable(list(missing))):
                raise
            known |= dict.fromkeys(missing)
            return False
        return True


class _Batch:
    """Prompts of one kind that have no reply yet, by key."""

    def __init__(
        self,
        owner: LoggedModel,
        kind: str,
        digest: str,
        prompts: dict[str, str],
        ask: Callable[[list[str]], list[Any]],
    ) -> None:
        self.owner, self.log = owner, owner.log
        self.kind, self.digest = kind, digest
        self.prompts = prompts
        self.ask = ask
        self.counter = _Counter(len(prompts), owner.progress)

    def answer(self, size: int) -> dict[str, Any]:
        """All replies, asked for here or by someone else."""
        known: dict[str, Any] = {}
        missing = list(self.prompts)
        while missing:
            for found in concurrently(self.settle, list(slices(missing, size)), workers=self.owner.workers):
                known |= found
            missing = [key for key in missing if key not in known]
            if missing:  # someone else is asking for these
                time.sleep(POLL)
                others = self.owner.settled(missing)
                known |= others
                self.counter.add(len(others))
                missing = [key for key in missing if key not in others]
        return known

    def settle(self, some: Sequence[str]) -> dict[str, Any]:
        """Ask for those that nobody else asks for."""
        mine = self.log.claim(some)
        if not mine:
            return {}
        try:
            replies = self.ask([self.prompts[key] for key in mine])
        except BudgetSpentError:
            self.log.release(mine)
            if set(mine) - set(self.log.unusable(mine)):
                raise
            return dict.fromkeys(mine)
        except BaseException:
            self.log.release(mine)
            raise
        found = dict(zip(mine, replies, strict=True))
        self.owner.note_unusable(key for key, reply in found.items() if reply is None)
        self.log.put(self.digest, self.kind, [(key, self.prompts[key], each) for key, each in found.items()])
        self.counter.add(len(mine))
        return found


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
