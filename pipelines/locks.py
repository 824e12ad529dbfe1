"""Locks of files between processes, asked for without waiting."""

import fcntl
from typing import IO, Any


def lock_now(file: IO[Any] | int, kind: int) -> bool:
    """Whether a lock could be had at once.

    Args:
        file: Open, or its descriptor.
        kind: `fcntl.LOCK_EX` or `fcntl.LOCK_SH`.
    """
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
