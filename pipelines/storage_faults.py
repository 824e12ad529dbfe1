"""Tells a full disk or one that may not be written from a bug: a sentence for those, a traceback for this."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import USER_ERRORS, PipelineError

FULL = ("the disk is full", "make room")
READ_ONLY = ("the file system is read-only", "mount it for writing")
DENIED = ("permission is denied", "allow it to this user")
TOO_LARGE = ("it would be larger than this process may write", "raise the limit on file sizes")
FAILING = ("the disk reports an error", "look at the disk")
BY_NUMBER = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: ("the quota of this user is used up", "make room"),
    errno.EROFS: READ_ONLY,
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EFBIG: TOO_LARGE,
    errno.EIO: FAILING,
    errno.ENOLCK: ("the file system offers no locks", "use a local disk or NFS 4"),
}
BY_WORDS = {  # of libraries that keep the number to themselves
    "no space left on device": FULL,
    "database or disk is full": FULL,
    "disk quota exceeded": BY_NUMBER[errno.EDQUOT],
    "read-only file system": READ_ONLY,
    "readonly database": READ_ONLY,
    "permission denied (os error": DENIED,
    "for writing: permission denied": DENIED,
    "file too large": TOO_LARGE,
    "disk i/o error": FAILING,
}
KEPT = "what was finished stays"


def storage_fault(error: BaseException, *, place: Path | None = None) -> str | None:
    """One sentence on what keeps a disk from being read or written; None for any other error.

    Args:
        error: Whatever was raised, with what it was raised from.
        place: What to name where the error names no file.
    """
    for each in chain(error):
        reason = reason_of(each)
        if reason is not None:
            what, change = reason
            named = file_of(error) or place or Path.cwd()
            return f"{named} cannot be used: {what}; {change} and run the same command again, {KEPT}"
    return None


@contextmanager
def storage_faults_told(place: Path | None = None) -> Iterator[None]:
    """Raises what the disk does to the block as a user's error; anything else goes through.

    Raises:
        PipelineError: The disk is full, read-only, or not for this user.
    """
    try:
        yield
    except USER_ERRORS:
        raise
    except Exception as error:
        told = storage_fault(error, place=place)
        if told is None:
            raise
        raise PipelineError(told) from error


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, those of its group, and those that it came from."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from chain(each)
    came_from = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if came_from is not None:
        yield from chain(came_from)


def reason_of(error: BaseException) -> tuple[str, str] | None:
    """What is wrong, and what to change."""
    if isinstance(error, OSError) and error.errno is not None:
        return BY_NUMBER.get(error.errno)
    said = str(error).lower()
    return next((reason for words, reason in BY_WORDS.items() if words in said), None)


def file_of(error: BaseException) -> Path | None:
    """The file that an error of the system names."""
    named = (each.filename for each in chain(error) if isinstance(each, OSError))
    return next((Path(name) for name in named if isinstance(name, str)), None)
