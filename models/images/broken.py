"""What is said of the images that cannot be used."""

import logging
from collections.abc import Sequence

from models.errors import ModelsError

NAMED = 3  # broken images in a message

log = logging.getLogger("knobo")


def tell_broken(faults: Sequence[str], *, lost: int, total: int, stop: bool) -> None:
    """Names the first broken images and counts them: in the log, or as an error.

    Args:
        faults: A sentence for each broken file.
        lost: Images that cannot be used; more than there are faults where several share a file's content.
        total: Images that were asked for.
        stop: Whether one broken image is an error; it always is where none is left.

    Raises:
        ModelsError: Something is lost under `stop`, or everything.
    """
    if not lost and total:
        return
    message = f"{lost} of {total} images cannot be used: {'; '.join(faults[:NAMED]) or 'none was given'}"
    if stop or lost == total:
        raise ModelsError(f'{message}; mend or remove them, or set on_broken = "skip"')
    log.warning(message)
