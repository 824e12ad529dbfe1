"""Keeps names of images, often numbers of patients, out of what Prefect and the API keep of an error."""

from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import ImageError
from pipelines.errors import PipelineError


class ConcealedError(PipelineError):
    """An error of images that says nothing of their names unless it is asked.

    Attributes:
        error: The one with them, for a terminal.
    """

    def __init__(self, error: ImageError) -> None:
        super().__init__(error)
        self.error = error

    def __str__(self) -> str:
        return self.error.unnamed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


@contextmanager
def names_concealed() -> Iterator[None]:
    """Raises what is wrong with images without their names, and without what it came from.

    Raises:
        ConcealedError: In place of an `ImageError`.
    """
    try:
        yield
    except ImageError as error:
        raise ConcealedError(error) from None


def for_the_terminal(error: Exception) -> str:
    """All that there is to know."""
    return str(error.error if isinstance(error, ConcealedError) else error)
