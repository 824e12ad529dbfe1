"""Says of a file that cannot be read which one it is."""

import csv
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ModelsError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within the block damaged content of `path` is a mistake of the copy, not of this package.

    Raises:
        ModelsError: Not UTF-8, no such table, damaged; what stands in the file is never quoted.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise ModelsError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (csv.Error, EOFError, NotImplementedError, OSError, ValueError, zlib.error) as error:
        message = f"{path} cannot be read ({type(error).__name__}); mend it or fetch it again"
        raise ModelsError(message) from error
