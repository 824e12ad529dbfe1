"""Keeps names of images, often numbers of patients, out of what Prefect and the API keep of an error."""

from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import ImageError
from pipelines.errors import PipelineError


class ConcealedError(PipelineError):
    """An error of images that says nothing of their names unless it is asked.

    Attributes:
        named: The sentence with them, for a terminal.
    """

    def __init__(self, unnamed: str, named: str) -> None:
        super().__init__(unnamed, named)  # both, or a worker of another process could not send it
        self.unnamed, self.named = unnamed, named

    def __str__(self) -> str:
        return self.unnamed


@contextmanager
def names_concealed() -> Iterator[None]:
    """Raises what is wrong with images without their names, and without what it came from.

    Raises:
        ConcealedError: In place of an `ImageError`.
    """
    try:
        yield
    except ImageError as error:
        raise ConcealedError(error.unnamed, error.named) from None


def for_the_terminal(error: Exception) -> str:
    """All that there is to know."""
    return error.named if isinstance(error, ConcealedError) else str(error)
