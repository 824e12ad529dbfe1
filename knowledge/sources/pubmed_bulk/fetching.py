"""Fetching over HTTP(S): bounded, retried with patience, and never kept unless it is whole."""

import hashlib
import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from knowledge.errors import KnowledgeError, NetworkError

_Result = TypeVar("_Result")

_BLOCK = 1 << 20
_LONGEST_PAGE = 1 << 24
_LONGEST_WAIT = 120.0
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGENT = {"User-Agent": "knobo (PubMed mirror)"}


@dataclass(frozen=True, slots=True)
class Fetching:
    """How patient a client is.

    Attributes:
        connections: Files fetched at once.
        timeout: Seconds without a byte after which an attempt is given up.
        attempts: Per file; a wrong checksum counts as a failure, too.
        pause: Seconds before the second attempt; doubled each time unless the server asks for more.
    """

    connections: int = 3
    timeout: float = 60.0
    attempts: int = 4
    pause: float = 2.0

    def __post_init__(self) -> None:
        if self.connections < 1 or self.attempts < 1 or self.timeout <= 0 or self.pause < 0:
            raise KnowledgeError(
                f"Fetching with {self.connections} connections, {self.attempts} attempts, a timeout of "
                f"{self.timeout} s and a pause of {self.pause} s cannot work: give positive numbers."
            )


class _FailedError(Exception):
    """One attempt failed; `wait` is what the server asked for, `final` where another attempt is no use."""

    def __init__(self, reason: str, *, wait: float = 0.0, final: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait
        self.final = final


def page(url: str, fetching: Fetching) -> str:
    """A small text: a directory listing or a checksum.

    Raises:
        KnowledgeError: It cannot be had.
    """

    def attempt() -> str:
        with _opened(url, fetching) as response:
            content = response.read(_LONGEST_PAGE + 1)
        if len(content) > _LONGEST_PAGE:
            raise _FailedError("it is no listing: above 16 MiB", final=True)
        return content.decode("utf-8", "replace")

    return _retried(url, attempt, fetching)


def download(url: str, path: Path, *, md5: str, fetching: Fetching) -> None:
    """The file, written to `path` only as far as it has the checksum.

    Raises:
        KnowledgeError: It cannot be had with this checksum.
    """

    def attempt() -> None:
        digest = hashlib.md5(usedforsecurity=False)
        with _opened(url, fetching) as response, path.open("wb") as file:
            while block := response.read(_BLOCK):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != md5:
            raise _FailedError(f"its MD5 is {digest.hexdigest()} and not {md5}")

    _retried(url, attempt, fetching)


def _opened(url: str, fetching: Fetching) -> BinaryIO:
    if not url.startswith(("http://", "https://")):
        raise _FailedError("it is no http:// or https:// address", final=True)
    request = urllib.request.Request(url, headers=_AGENT)  # noqa: S310 - checked above
    return cast("BinaryIO", urllib.request.urlopen(request, timeout=fetching.timeout))  # noqa: S310


def _retried(url: str, attempt: Callable[[], _Result], fetching: Fetching) -> _Result:
    for number in range(fetching.attempts):
        try:
            return _translated(attempt)
        except _FailedError as error:
            if error.final or number == fetching.attempts - 1:
                kind = KnowledgeError if error.final else NetworkError
                raise kind(
                    f"{url} cannot be fetched ({error}): check the address and the connection and run again, "
                    "what has been fetched is kept."
                ) from error
            wait = max(error.wait, fetching.pause * 2**number)
            time.sleep(min(wait, _LONGEST_WAIT) * random.uniform(1.0, 1.25))  # noqa: S311 - jitter
    raise AssertionError


def _translated(attempt: Callable[[], _Result]) -> _Result:
    """The attempt, with everything that a network does to it as one exception."""
    try:
        return attempt()
    except urllib.error.HTTPError as error:
        with error:
            asked = error.headers.get("Retry-After", "")
        raise _FailedError(
            f"HTTP {error.code}",
            wait=float(asked) if asked.isdecimal() else 0.0,
            final=error.code not in _TRANSIENT,
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _FailedError(str(getattr(error, "reason", "")) or str(error) or type(error).__name__) from error
