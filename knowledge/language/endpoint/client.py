"""One answer from an endpoint: asked again after faults that pass, paid for in the ledger."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from knowledge.errors import KnowledgeError, NetworkError
from knowledge.language.endpoint.backoff import Pause, wait_after
from knowledge.language.endpoint.ledger import PAID, Ledger, Outcome, Request, Reservation
from knowledge.language.endpoint.settings import Endpoint
from knowledge.language.endpoint.transport import HttpError, NoReplyError, Transport
from knowledge.language.endpoint.wire import Dialect, GarbageError, Question, Reply

T = TypeVar("T")
CHARACTERS_PER_TOKEN = 3
"""For estimates; English text has about 4, so that they err on the dear side."""


class UnusableError(ValueError):
    """A reply that follows the protocol and is no answer; the message quotes nothing of it."""

    def __init__(self, reason: str, *, reply: str) -> None:
        super().__init__(reason)
        self.reply = reply


class Client:
    """Asks one endpoint, from any number of threads.

    Args:
        endpoint: Which, and how patiently.
        transport: Sends requests.
        ledger: Allows each request and hears what it cost.
        pause: Shared patience, so that one thread's `Retry-After` holds for all.
    """

    def __init__(
        self, endpoint: Endpoint, transport: Transport, ledger: Ledger, *, pause: Pause | None = None
    ) -> None:
        self.endpoint = endpoint
        self.transport = transport
        self.ledger = ledger
        self.pause = pause or Pause()
        self._jitter = random.Random()  # noqa: S311 # spreads requests, hides nothing

    def ask(self, dialect: Dialect, question: Question, accept: Callable[[Reply], T], *, key: str = "") -> T:
        """What `accept` makes of the reply.

        Args:
            dialect: How to ask.
            question: What.
            accept: Reads the reply; raises `UnusableError`, which is passed on, where it is none.
            key: Of the reply, for the record.

        Raises:
            NetworkError: No reply came in all attempts.
            RefusalError: The server refuses for good.
            BudgetSpentError: The budget leaves no room for another request.
        """
        return self._patiently(
            lambda attempt: self._once(dialect, question, accept, key=key, attempt=attempt)
        )

    def models(self) -> object:
        """The server's list of models; none where it has no such list."""
        try:
            return self._patiently(lambda _: self.transport.models())
        except RefusalError:
            return None

    def _patiently(self, once: Callable[[int], T]) -> T:
        """What `once` gives in one of the attempts, whose number it is told."""
        for attempt in range(1, self.endpoint.attempts + 1):
            self.pause.wait()
            try:
                return once(attempt)
            except HttpError as fault:
                if not fault.passing:
                    raise self._refused(fault) from None
                last, asked = f"HTTP {fault.status}", fault.wait
                if asked is not None:
                    self.pause.ask_for(asked)
            except NoReplyError as fault:
                last, asked = ("no reply in time" if fault.sent else "no connection"), None
            except GarbageError:
                last, asked = "a reply that is not of the protocol", None
            if attempt < self.endpoint.attempts:
                self.pause.sleep(wait_after(attempt, asked, self._jitter))
        raise NetworkError(
            f"The language model at {self.endpoint.shown} gave no answer "
            f"in {self.endpoint.attempts} attempts (at last {last}); see that it runs and start again: "
            "the replies so far are kept and not asked again."
        )

    def _once(
        self,
        dialect: Dialect,
        question: Question,
        accept: Callable[[Reply], T],
        *,
        key: str,
        attempt: int,
    ) -> T:
        expected = estimate(question)
        reserved = self.ledger.reserve(*expected)
        started = time.monotonic()
        outcome: Outcome = "lost"  # until it is known better: an interrupted request may be billed
        reply: Reply | None = None
        try:
            reply = dialect.read(self.transport.post(dialect.resource, dialect.body(question)))
            outcome = "invalid"
            answer = accept(reply)
            outcome = "answered"
        except HttpError:
            outcome = "refused"
            raise
        except NoReplyError as fault:
            if not fault.sent:
                outcome = "unreachable"
            raise
        except GarbageError:
            outcome = "garbage"
            raise
        finally:
            seconds = time.monotonic() - started
            self._settle(reserved, outcome, reply, expected, key=key, attempt=attempt, seconds=seconds)
        return answer

    def _settle(
        self,
        reserved: Reservation,
        outcome: Outcome,
        reply: Reply | None,
        expected: tuple[int, int],
        *,
        key: str,
        attempt: int,
        seconds: float,
    ) -> None:
        if outcome not in PAID:
            self.ledger.settle(reserved, Request(key, outcome, attempt, seconds))
            return
        counted = reply.tokens if reply else None
        written = -(-len(reply.text) // CHARACTERS_PER_TOKEN) if reply else expected[1]
        read, wrote = counted or (expected[0], written)
        self.ledger.settle(
            reserved,
            Request(
                key,
                outcome,
                attempt,
                seconds,
                prompt_tokens=read,
                completion_tokens=wrote,
                estimated=counted is None,
                cost=self.ledger.prices.cost(read, wrote),
                served=reply.served if reply else "",
            ),
        )

    def _refused(self, fault: HttpError) -> "RefusalError":
        shown = f"HTTP {fault.status}{f', {fault.code}' if fault.code else ''}"
        variable = self.endpoint.key_variable
        match fault.status:
            case 401 | 403:
                said = "refuses the key"
                advice = (
                    f"check the key in {variable}" if variable else "set key_variable to what holds its key"
                )
            case 404:
                said = f"knows no model {self.endpoint.model}, or no such address"
                advice = "check base_url, model and protocol"
            case 429:
                said = "says that its quota is spent"
                advice = "raise it there and run again: the replies so far are kept"
            case _:
                what = f" {fault.parameter}" if fault.parameter else ""
                said = f"refuses a request for the way it is sent{what}"
                advice = "check model and protocol, and that its context holds the prompts"
        where = f"The language model at {self.endpoint.shown}"
        return RefusalError(f"{where} {said} ({shown}); {advice}.", fault)


class RefusalError(KnowledgeError):
    """The server refuses for good: the key, the model, a parameter it does not know, a prompt too long."""

    def __init__(self, message: str, fault: HttpError) -> None:
        super().__init__(message)
        self.fault = fault

    @property
    def of_request(self) -> bool:
        """Whether it is the parameters that are refused."""
        return self.fault.status in {400, 422, 501}


def estimate(question: Question) -> tuple[int, int]:
    """Tokens that the question will be at most, prompt and reply."""
    texts = (question.prompt, question.instruction, *(question.mended or ()))
    characters = sum(len(text.encode()) for text in texts)
    return -(-characters // CHARACTERS_PER_TOKEN) + 16, question.max_tokens
