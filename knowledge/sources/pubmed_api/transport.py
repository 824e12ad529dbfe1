"""One HTTP exchange: paced after the connection stands, never without a time limit, never endless."""

import functools
import http.client
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from knowledge.sources.pubmed_api.retries import Faulty

CHUNK = 1 << 16
LARGEST_ANSWER = 1 << 28  # bytes; a batch of full records is a hundredth of it


class _PacedConnection(http.client.HTTPConnection):
    """Waits for its slot after the handshake, so that one packet's way lies between slot and server."""

    def __init__(self, *arguments: Any, wait: Callable[[], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._wait = wait

    def connect(self) -> None:
        super().connect()
        self._wait()


class _PacedSecureConnection(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, wait: Callable[[], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._wait = wait

    def connect(self) -> None:
        super().connect()
        self._wait()


class _PacedHandler(urllib.request.HTTPHandler):
    def __init__(self, wait: Callable[[], None]) -> None:
        super().__init__()
        self._connection: Any = functools.partial(_PacedConnection, wait=wait)

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, request)


class _PacedSecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, wait: Callable[[], None]) -> None:
        super().__init__()
        self._connection: Any = functools.partial(_PacedSecureConnection, wait=wait)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, request)


def paced_opener(wait: Callable[[], None]) -> urllib.request.OpenerDirector:
    """An opener whose every request, redirected ones too, calls `wait` just before it leaves."""
    return urllib.request.build_opener(_PacedHandler(wait), _PacedSecureHandler(wait))


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
