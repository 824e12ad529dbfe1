"""One HTTP exchange: paced after the connection stands, never without a time limit, never endless."""

import http.client
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from knowledge.sources.pubmed_api.retries import Faulty

CHUNK = 1 << 16
LARGEST_ANSWER = 1 << 28  # bytes; a batch of full records is a hundredth of it


Slot = Callable[[], AbstractContextManager[None]]


class _Paced(http.client.HTTPConnection):
    """Takes its slot after the handshake and holds it while the request leaves."""

    slot: Slot

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        if self.sock is None:
            self.connect()
        with self.slot():
            super().endheaders(message_body, encode_chunked=encode_chunked)


class _PacedSecure(_Paced, http.client.HTTPSConnection):
    """The same over TLS."""


class _PacedHandler(urllib.request.HTTPHandler):
    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self._connection: Any = type("Paced", (_Paced,), {"slot": staticmethod(slot)})

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, request)


class _PacedSecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self._connection: Any = type("PacedSecure", (_PacedSecure,), {"slot": staticmethod(slot)})

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, request)


def paced_opener(slot: Slot) -> urllib.request.OpenerDirector:
    """An opener whose every request, redirected ones too, leaves within a slot of its own."""
    return urllib.request.build_opener(_PacedHandler(slot), _PacedSecureHandler(slot))


def read_answer(response: http.client.HTTPResponse, *, longest_s: float) -> bytes:
    """The whole body.

    Raises:
        Faulty: It takes longer than `longest_s` or is larger than any answer of E-utilities.
    """
    end = time.monotonic() + longest_s
    expected = response.length
    parts: list[bytes] = []
    size = 0
    while size != expected and (part := response.read1(CHUNK)):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise Faulty(f"an answer of more than {LARGEST_ANSWER >> 20} MB")
        if time.monotonic() > end:
            raise Faulty(f"an answer still not whole after {longest_s:g} s")
    if expected is not None and size < expected:
        raise Faulty("an answer cut before its end")
    return b"".join(parts)
