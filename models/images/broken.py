"""What is said of the images that cannot be used."""

import logging
from collections.abc import Sequence

from models.errors import ImageError

NAMED = 3  # broken images in a message

log = logging.getLogger("knobo")


def tell_broken(faults: Sequence[str], *, lost: int, total: int, stop: bool, listed: str = "") -> None:
    """Counts the broken images: in the log, which names none, or as an error, which names the first.

    Args:
        faults: A sentence for each broken file.
        lost: Images that cannot be used; more than there are faults where several share a file's content.
        total: Images that were asked for.
        stop: Whether one broken image is an error; it always is where none is left.
        listed: File that names them all, where there is one.

    Raises:
        ImageError: Something is lost under `stop`, or everything.
    """
    if not lost and total:
        return
    counted = f"{lost} of {total} images cannot be used"
    unnamed = f"{counted} ({listed} names them)" if listed and faults else counted
    if stop or lost == total:
        named = f"{counted}: {'; '.join(faults[:NAMED]) or 'none was given'}"
        mend = 'mend or remove them, or set on_broken = "skip"'
        raise ImageError(f"{named}; {mend}", f"{unnamed}; {mend}")
    log.warning("%s, and are left out", unnamed)
