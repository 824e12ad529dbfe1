"""How long to wait before asking again."""

import email.utils
import math
import random
import threading
import time
from collections.abc import Callable

FIRST, LONGEST = 0.5, 30.0
LONGEST_ASKED = 120.0
"""Of `Retry-After`; a server that asks for more is asked again at this time."""


def wait_after(attempt: int, asked: float | None, jitter: random.Random) -> float:
    """Seconds to wait after failed attempt 1, 2, ...: doubling, half of it random, never below `asked`."""
    full = min(LONGEST, FIRST * 2.0 ** (attempt - 1))
    drawn = full * (0.5 + 0.5 * jitter.random())
    return drawn if asked is None else max(asked, 0.0) + min(drawn, 1.0)


def retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, as a number or a date; none where it is neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_ASKED)


class Pause:
    """Keeps all threads from asking while the server wants to be left alone.

    Args:
        clock: Seconds, steady.
        sleep: Waits.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._until = 0.0
        self._lock = threading.Lock()

    def ask_for(self, seconds: float) -> None:
        """Let nobody ask for so long from now on."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def wait(self) -> None:
        """Until nobody asks for patience any more."""
        while (left := self._until - self._clock()) > 0:
            self._sleep(left)

    def sleep(self, seconds: float) -> None:
        """Wait in this thread alone."""
        self._sleep(seconds)
