"""How long a connection may take to say what it wants, and to take what it is given."""

import asyncio
from functools import partial
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipelines.api.metrics import Metrics
from pipelines.api.settings import Limits

Silent = dict["BoundedProtocol", None]  # in the order of their coming
UNANSWERED = frozenset({h11.IDLE, h11.SEND_RESPONSE})


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to every wait on the client.

    Uvicorn itself waits for ever for the end of a request's headers, for the rest of a body that was refused,
    and for a client that takes nothing; each such connection counts among those that it allows.

    Args:
        limits: How long, and how many connections may be silent at a time.
        metrics: Where connections that are cut are counted.
        silent: Those of the server that have not asked yet, the oldest first.
    """

    def __init__(
        self, *arguments: Any, limits: Limits, metrics: Metrics, silent: Silent, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self.limits, self.metrics, self.silent = limits, metrics, silent
        self.until_asked: asyncio.TimerHandle | None = None
        self.until_taken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody comes; where too many have not said what they want, the one who came first has to go."""
        super().connection_made(transport)
        self.wait_to_be_asked()
        if len(self.silent) > self.limits.silent:
            next(iter(self.silent)).cut("crowded")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody to wait for any more."""
        self.forget()
        stop(self.until_taken)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Bytes came; the headers may be complete now."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and not self.cycle.response_complete:
            self.forget()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP; it is said unless an answer has begun, and whoever works on one is told.

        Uvicorn would go on to answer the broken request on a connection that is closed by then.
        """
        if self.conn.our_state in UNANSWERED:
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """From now on the next request is waited for; first, as it may be there already."""
        self.wait_to_be_asked()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes nothing for the moment."""
        super().pause_writing()
        stop(self.until_taken)
        self.until_taken = self.loop.call_later(self.limits.seconds_to_take, self.cut, "slow to take")

    def resume_writing(self) -> None:
        """It took something."""
        stop(self.until_taken)
        super().resume_writing()

    def wait_to_be_asked(self) -> None:
        """Until headers are complete, and not longer than allowed."""
        self.forget()
        self.silent[self] = None
        self.until_asked = self.loop.call_later(self.limits.seconds_to_ask, self.cut, "slow to ask")

    def forget(self) -> None:
        """It is not waited for any longer."""
        self.silent.pop(self, None)
        stop(self.until_asked)

    def cut(self, why: str) -> None:
        """Ends the connection at once: what it has not taken by now, it does not take."""
        self.forget()
        self.metrics.cut.labels(why).inc()
        self.transport.abort()


def stop(timer: asyncio.TimerHandle | None) -> None:
    """Whether it was set or not; twice does no harm."""
    if timer is not None:
        timer.cancel()


def bounded_protocol(limits: Limits, metrics: Metrics) -> type[asyncio.Protocol]:
    """What makes the protocol of each connection of one server."""
    made = partial(BoundedProtocol, limits=limits, metrics=metrics, silent={})
    return cast("type[asyncio.Protocol]", made)  # uvicorn only calls it
