"""What the API allows, and whom it lets in."""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipelines.errors import PipelineError

KEY_LENGTH = 20  # letters; a shorter one could be guessed


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one request, and of all of them.

    Attributes:
        upload_bytes: Of an image file.
        pixels: Of an image, as its header claims, before anything is decoded.
        json_bytes: Of any other request.
        seconds_to_send: In which a client must have sent its request.
        seconds_to_answer: In which an image must have been read and encoded.
        waiting: Images that may be received, wait or be in work at a time; one more is told to come back.
    """

    upload_bytes: int = 64 * 1024**2
    pixels: int = 64_000_000
    json_bytes: int = 256 * 1024
    seconds_to_send: float = 30
    seconds_to_answer: float = 60
    waiting: int = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """Digests of the keys that are let in; the keys themselves are kept nowhere.

    Attributes:
        digests: SHA-256; nobody is asked for a key where there is none.
    """

    digests: frozenset[bytes] = frozenset()

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """A key a line; empty lines and those after `#` are no keys.

        Raises:
            PipelineError: The file cannot be read, holds no key, or one that is too short.
        """
        if path is None:
            return cls()
        try:
            lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise PipelineError(f"the keys at {path} cannot be read ({error}); check the path") from error
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys or any(len(key) < KEY_LENGTH for key in keys):
            raise PipelineError(
                f"{path} must hold a key of at least {KEY_LENGTH} letters a line; "
                "`openssl rand -hex 24` makes one"
            )
        return cls(frozenset(map(digest_of, keys)))

    def admit(self, key: str) -> bool:
        """Whether a key is one of them; the time it takes does not tell how nearly."""
        asked = digest_of(key)
        found = sum(hmac.compare_digest(asked, known) for known in self.digests)
        return not self.digests or found > 0


def digest_of(key: str) -> bytes:
    """SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
