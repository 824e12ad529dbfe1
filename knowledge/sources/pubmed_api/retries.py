"""What is tried again, after how long, and when to give up."""

import http.client
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.error import HTTPError, URLError

from knowledge.errors import KnowledgeError, NetworkError

FIRST_WAIT_S = 1.0
LAST_WAIT_S = 60.0
TRANSIENT = frozenset({408, 429})
T = TypeVar("T")


class Faulty(Exception):  # noqa: N818 - it is the answer that is faulty, not the program
    """An answer or connection that may be better next time; the message completes "the server gave ..."."""

    def __init__(self, what: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from one second to one minute, drawn at random from their upper half.

    Attributes:
        attempts: Tries in all.
        longest_wait_s: A server that asks for more than this is not waited for.
        random: Draws the jitter; seed it to repeat a run.
    """

    attempts: int
    longest_wait_s: float
    random: random.Random

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Seconds after the given failed attempt (from 1); never less than the server asks for."""
        ceiling = min(LAST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
        return max(self.random.uniform(ceiling / 2, ceiling), retry_after_s or 0.0)


class Retries:
    """Repeats requests and counts them, for all threads of one fetch.

    Args:
        backoff: How often and after how long.
        pause: Told the seconds of each `Retry-After`, so that other processes wait as well.
        server: Named in messages.
        sleep: Waits between attempts; by default a wait that `stop` ends.
    """

    def __init__(
        self,
        backoff: Backoff,
        pause: Callable[[float], None],
        *,
        server: str,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._backoff = backoff
        self._pause = pause
        self._server = server
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self.requests = 0
        self.repeated = 0

    def stop(self) -> None:
        """Start no further request in any thread."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def run(self, what: str, ask: Callable[[], T]) -> T:
        """The first good answer.

        Raises:
            KnowledgeError: Trying again cannot help.
            NetworkError: There is none in the allowed number of attempts.
        """
        for attempt in range(1, self._backoff.attempts + 1):
            self._count(again=attempt > 1)
            try:
                return ask()
            except Faulty as fault:
                self._after(what, attempt, fault)
        raise AssertionError("the last attempt raises")

    def _count(self, *, again: bool) -> None:
        if self._stopped.is_set():
            raise NetworkError("The fetch was stopped: run it again to go on from here.")
        with self._lock:
            self.requests += 1
            self.repeated += again

    def _after(self, what: str, attempt: int, fault: Faulty) -> None:
        asked = fault.retry_after_s
        if asked is not None and asked > self._backoff.longest_wait_s:
            raise NetworkError(
                f"{self._server} asks to wait {asked:.0f} s ({what}): run again after that to go on."
            ) from None
        if attempt == self._backoff.attempts:
            raise NetworkError(
                f"{self._server} gave no usable answer in {attempt} attempts ({what}; last: {fault}): "
                "what was fetched is kept, run again to go on from here."
            ) from None
        with self._lock:
            wait = self._backoff.wait_s(attempt, asked)
        if asked:
            self._pause(asked)
        self._sleep(wait)


def as_fault(error: Exception, *, key_env: str) -> Exception:
    """What a failed exchange means: a fault to try again, or a sentence for the user.

    Neither the address nor the body goes into a message, for both can hold the key.
    """
    if isinstance(error, HTTPError):
        return _status_fault(error, key_env=key_env)
    if isinstance(error, URLError):
        return Faulty(f"no connection ({error.reason})")
    if isinstance(error, TimeoutError):
        return Faulty("no answer in time")
    if isinstance(error, http.client.IncompleteRead):
        return Faulty("an answer cut before its end")
    return Faulty(f"a broken connection ({type(error).__name__})")


def _status_fault(error: HTTPError, *, key_env: str) -> Exception:
    with error:
        try:
            body = error.read(4096).lower()
        except (OSError, http.client.HTTPException):
            body = b""
    if error.code >= 500 or error.code in TRANSIENT:
        return Faulty(
            f"HTTP status {error.code}", retry_after_s=retry_after_s(error.headers.get("Retry-After"))
        )
    if b"api key" in body:
        return KnowledgeError(
            f"E-utilities refuse the API key in the environment variable {key_env}: correct or unset it."
        )
    return KnowledgeError(
        f"E-utilities refuse the request with HTTP status {error.code}: "
        "check the query, `email` and `base_url`."
    )


def retry_after_s(header: str | None) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date; `None` where it says nothing usable."""
    if not header:
        return None
    try:
        return max(0.0, float(header)) if header.strip().replace(".", "", 1).isdigit() else _until(header)
    except (TypeError, ValueError):
        return None


def _until(header: str) -> float:
    moment = parsedate_to_datetime(header)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
