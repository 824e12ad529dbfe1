"""The bytes of an image file and the digest by which they are known."""

import hashlib
import os
from pathlib import Path

from models.errors import ModelsError

MAXIMUM_BYTES = 512 * 1024**2  # the most pixels that are read, as 16-bit colour without compression, and more


def image_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex: equal for equal files wherever they lie."""
    return bytes_digest(read_bytes(path))


def bytes_digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def read_bytes(path: Path, *, maximum: int = MAXIMUM_BYTES) -> bytes:
    """The file's bytes.

    Raises:
        ModelsError: No such file, not readable, or longer than `maximum`.
    """
    try:
        with path.open("rb") as file:
            expected = os.fstat(file.fileno()).st_size  # a read makes room for all that it is asked for
            data = file.read(min(expected, maximum) + 1)
    except FileNotFoundError as error:
        raise ModelsError(f"there is no image at {path}; check the path in the manifest") from error
    except OSError as error:
        raise ModelsError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if len(data) > maximum:
        raise ModelsError(f"{path} has more than {maximum:,} bytes, the limit for an image; scale it down")
    return data
