"""Reads an array inside an .npz archive one block of rows at a time, since a whole one may be gigabytes."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from models.errors import ModelsError

BLOCK = 256


def array_names(path: Path) -> tuple[str, ...]:
    """Names of the arrays in an archive."""
    if not path.is_file():
        raise ModelsError(f"there is no file {path}; check the path")
    try:
        with ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist())
    except BadZipFile as error:
        raise ModelsError(f"{path} is no .npz archive, or cut short; fetch it again") from error


def array_rows(path: Path, name: str) -> Iterator[NDArray[np.generic]]:
    """Rows of one array in order; arrays of Python objects are refused.

    Raises:
        ModelsError: Not an array of numbers in row order, or a damaged archive.
    """
    try:
        with ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            version = npy.read_magic(file)
            header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, by_column, dtype = header(file)
            if by_column or dtype.hasobject or not shape:
                raise ModelsError(f"{path} holds {name} in another form than MedMNIST's; fetch it again")
            size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
            for start in range(0, shape[0], BLOCK):
                rows = min(BLOCK, shape[0] - start)
                block = np.frombuffer(exactly(file.read(rows * size), rows * size, path), dtype)
                yield from block.reshape(rows, *shape[1:])
    except (BadZipFile, KeyError, ValueError, EOFError) as error:
        raise ModelsError(f"{path} has no readable array {name}; fetch it again") from error


def exactly(data: bytes, size: int, path: Path) -> bytes:
    """The bytes, refused where the archive ends too early."""
    if len(data) != size:
        raise ModelsError(f"{path} is cut short; fetch it again")
    return data
