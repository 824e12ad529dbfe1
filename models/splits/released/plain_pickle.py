"""Reads a pickle that holds nothing but a dictionary from text to lists of text, without running anything.

The one place of the project where a pickle is read, and the standard reader is not used for it.
"""

from pathlib import Path

from models.errors import ModelsError
from models.splits.released.machine import Lists, Machine, NotPlainError

MAXIMUM_BYTES = 32 * 2**20  # the longest split file of the paper lists 16,930 paths


def read_plain_pickle(path: Path) -> Lists:
    """A dictionary from text to lists of text, in the file's order.

    Raises:
        ModelsError: No such file, too large a file, or anything else in it; nothing of it is ever run.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise ModelsError(f"{path} cannot be read ({error.strerror}); check the path") from error
    if len(data) > MAXIMUM_BYTES:
        limit = MAXIMUM_BYTES // 2**20
        raise ModelsError(f"{path} is larger than {limit} MiB, which no split file is; check the file")
    try:
        return Machine(data).run()
    except NotPlainError as error:
        message = f"{path} is not a pickled dictionary of lists of text: {error}"
        raise ModelsError(f"{message}; it was not loaded, use the file as it was released") from None
