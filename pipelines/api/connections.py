"""How long a connection may take to say what it wants, and to take what it is given."""

import asyncio
from array import array
from collections import deque
from functools import partial
from typing import Any, cast

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pipelines.api.guarding import CROWDED
from pipelines.api.metrics import Metrics
from pipelines.api.settings import HEADER_BYTES, Limits

Silent = dict["BoundedProtocol", None]  # in the order of their coming
AHEAD = 100  # requests of a client that does not wait for their answers


class PlainParser(HttpRequestParser):
    """Reads on where a client asks for another protocol, which it is not given."""

    def feed_data(self, data: "bytes | bytearray | memoryview | array[int]") -> None:
        """Any part of what comes."""
        rest = memoryview(data)
        while rest:
            try:
                super().feed_data(rest)
            except HttpParserUpgrade as wish:
                rest = rest[max(1, wish.args[0]) :]
            else:
                break


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it with a parser in C, with an end to every wait on the client.

    Uvicorn itself waits for ever for the end of a request's headers, for the rest of a body that was refused,
    and for a client that takes nothing; each such connection counts among those that it allows. It also holds
    headers of any size, and as many requests as a client sends ahead.

    Args:
        limits: How long, and how many connections may be silent at a time.
        metrics: Where connections that are cut are counted.
        silent: Those of the server that have not asked yet, the oldest first.
    """

    def __init__(
        self, *arguments: Any, limits: Limits, metrics: Metrics, silent: Silent, **named: Any
    ) -> None:
        super().__init__(*arguments, **named)
        self.parser = PlainParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.limits, self.metrics, self.silent = limits, metrics, silent
        self.asked: deque[RequestResponseCycle] = deque()  # and not answered; the first is in work
        self.in_head, self.in_body, self.no_body = False, False, 0
        self.until_asked: asyncio.TimerHandle | None = None
        self.until_taken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody comes; where too many have not said what they want, the one who came first has to go."""
        super().connection_made(transport)
        self.silent[self] = None
        self.wait_to_be_asked()
        if len(self.silent) > self.limits.silent:
            next(iter(self.silent)).cut("crowded")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody to wait for any more."""
        self.forget()
        stop(self.until_taken)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those that are not the body of a request are held until they make sense."""
        if not self.asked and self.until_asked is None:
            self.wait_to_be_asked()  # before, nothing was begun: uvicorn closes connections that idle
        self.no_body += len(data)
        super().data_received(data)
        if self.no_body > HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response(f"More than {HEADER_BYTES:,} bytes came that are no body; send fewer.")

    def on_message_begin(self) -> None:
        """A request begins."""
        self.in_head = True
        super().on_message_begin()
        self.scope["state"][CROWDED] = len(self.connections) > self.limits.connections

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the head; what stands behind a body could change what was looked at before it."""
        if self.in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The client has asked, unless its target makes no sense."""
        super().on_headers_complete()
        self.in_head, self.in_body, self.no_body = False, True, 0
        self.forget()
        self.asked.append(self.cycle)
        if len(self.asked) == AHEAD + 1:
            self.cut("too far ahead")

    def on_body(self, body: bytes) -> None:
        """More of a body."""
        self.no_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self.in_body, self.no_body = False, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP; it is said unless an answer has begun, and whoever works on it is told.

        Requests that came whole before are answered first, and the connection ends with them.
        """
        broken = self.asked.pop() if self.asked and self.in_body else None
        if broken is not None:
            broken.disconnected = True
            broken.message_event.set()
        if self.asked:
            self.flow.pause_reading()
            self.asked[-1].keep_alive = False
        elif self.in_body and (broken is None or broken.response_started):
            self.transport.close()
        else:
            super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """From now on the next request is waited for, if it has not come yet; and the answer to be taken."""
        self.asked.popleft()
        if not self.asked and not self.transport.is_closing():
            self.silent[self] = None
            if self.in_head or self.in_body:
                self.wait_to_be_asked()
        self.wait_to_be_taken()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes nothing for the moment."""
        super().pause_writing()
        self.wait_to_be_taken()

    def resume_writing(self) -> None:
        """It took something."""
        self.wait_to_be_taken()
        super().resume_writing()

    def wait_to_be_asked(self) -> None:
        """Until headers are complete, and not longer than allowed."""
        stop(self.until_asked)
        self.until_asked = self.loop.call_later(self.limits.seconds_to_ask, self.cut, "slow to ask")

    def wait_to_be_taken(self) -> None:
        """Until what is written is taken, as long as some of it is taken in the time allowed."""
        stop(self.until_taken)
        if left := self.transport.get_write_buffer_size():
            seconds = self.limits.seconds_to_take
            self.until_taken = self.loop.call_later(seconds, self.look_at_what_is_taken, left)

    def look_at_what_is_taken(self, before: int) -> None:
        """The time is over."""
        if self.transport.get_write_buffer_size() >= before:
            self.cut("slow to take")
        else:
            self.wait_to_be_taken()

    def forget(self) -> None:
        """It is not waited for any longer."""
        self.silent.pop(self, None)
        stop(self.until_asked)
        self.until_asked = None

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
