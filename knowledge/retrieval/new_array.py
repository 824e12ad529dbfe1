"""Makes an array on disk whose room is taken at once, so that a full disk is an error and no crash later."""

import os
from pathlib import Path
from typing import Any

import numpy as np


def new_array(path: Path, kind: type[np.floating[Any]], shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """An array of zeros of a shape, mapped for writing.

    Raises:
        OSError: There is no room; a write to a mapped file without room would end the process.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, path.stat().st_size)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)
    return array
