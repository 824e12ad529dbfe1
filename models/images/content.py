"""The bytes of an image file and the digest by which they are known."""

import hashlib
import os
from pathlib import Path

from models.errors import ImageError

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
        ImageError: No such file, not readable, or longer than `maximum`.
    """
    try:
        data = read_at_most(path, maximum + 1)
    except FileNotFoundError as error:
        named = f"there is no image at {path}; check the path in the manifest"
        raise ImageError(named, "an image of the manifest is not there; check its path") from error
    except OSError as error:
        raise about(path, f"cannot be read ({error.strerror}); check its permissions") from error
    if len(data) > maximum:
        raise about(path, f"has more than {maximum:,} bytes, the limit for an image; scale it down")
    return data


def about(path: Path, fault: str) -> ImageError:
    """What is wrong with a file."""
    return ImageError(f"{path} {fault}", f"an image {fault}")


def read_at_most(path: Path, maximum: int) -> bytes:
    """The first bytes of a file; straight from the system, for opening a file object takes twice as long."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        expected = os.fstat(descriptor).st_size  # a read makes room for all that it is asked for
        data = os.read(descriptor, min(expected + 1, maximum))
        while len(data) not in {expected, maximum}:  # not a plain file, or one that grows meanwhile
            more = os.read(descriptor, min(2**20, maximum - len(data)))
            if not more:
                break
            data += more
    finally:
        os.close(descriptor)
    return data
