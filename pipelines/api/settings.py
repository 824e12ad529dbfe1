"""What the API allows, and whom it lets in."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipelines.errors import PipelineError

KEY_LENGTH = 20  # letters; a shorter one could be guessed
HEADER_BYTES = 64 * 1024  # of headers, of trailers, of whatever else is no body
START = "start"  # the right to start audits


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one request, and of all of them.

    Attributes:
        upload_bytes: Of an image file.
        uploads_bytes: Of all image files that are received, wait or are in work at a time; one more part of
            one, and it is told to come back.
        pixels: Of an image, as its header claims, before anything is decoded.
        json_bytes: Of any other request.
        seconds_to_ask: In which a client must have sent the headers of its request, the next one included.
        seconds_to_send: In which it must have sent all of it.
        seconds_to_answer: In which an image must have been read and encoded.
        seconds_to_take: For which a client may take nothing of its answer.
        waiting: Images that may be received, wait or be in work at a time; one more is told to come back.
        searches: That may wait or be in work at a time.
        silent: Connections that have not asked yet; one more, and the oldest of them is cut.
        connections: Of all kinds; what comes by one more is told to come back.
    """

    upload_bytes: int = 64 * 1024**2
    uploads_bytes: int = 512 * 1024**2
    pixels: int = 64_000_000
    json_bytes: int = 256 * 1024
    seconds_to_ask: float = 10
    seconds_to_send: float = 30
    seconds_to_answer: float = 60
    seconds_to_take: float = 30
    waiting: int = 64
    searches: int = 32
    silent: int = 256
    connections: int = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: The beginning of the digest of the key, by which a log tells keys apart; empty without keys.
        may_start: Whether audits are started for them.
    """

    name: str = ""
    may_start: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """Digests of the keys that are let in; the keys themselves are kept nowhere.

    Attributes:
        digests: SHA-256; nobody is asked for a key where there is none.
        starters: Those among them that may start audits.
    """

    digests: frozenset[bytes] = frozenset()
    starters: frozenset[bytes] = frozenset()

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """A key a line, and `start` after one that may start audits; empty lines and those with `#` are none.

        Raises:
            PipelineError: The file cannot be read, holds no key, one that is too short, or an unknown right.
        """
        if path is None:
            return cls()
        try:
            lines = [line.split() for line in path.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise PipelineError(f"the keys at {path} cannot be read ({error}); check the path") from error
        entries = [line for line in lines if line and not line[0].startswith("#")]
        if not entries or any(len(key) < KEY_LENGTH for key, *_ in entries):
            raise PipelineError(
                f"{path} must hold a key of at least {KEY_LENGTH} letters a line; "
                "`openssl rand -hex 24` makes one"
            )
        if any(rights not in ([], [START]) for _, *rights in entries):  # not quoted: it may be part of a key
            raise PipelineError(
                f"{path} has something else than `{START}` after a key; put keys on lines of their own"
            )
        return cls(
            frozenset(digest_of(key) for key, *_ in entries),
            frozenset(digest_of(key) for key, *rights in entries if rights),
        )

    def caller(self, key: str) -> Caller | None:
        """Whose key it is, none where it is unknown; the time it takes does not tell how nearly."""
        asked = digest_of(key)
        found = sum(hmac.compare_digest(asked, known) for known in self.digests)
        if not self.digests:
            return Caller()
        return Caller(asked[:4].hex(), asked in self.starters) if found else None


def digest_of(key: str) -> bytes:
    """SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
