"""Reads an array inside an .npz archive one block of rows at a time, since a whole one may be gigabytes."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from models.errors import ModelsError

BLOCK = 256
DAMAGED = (BadZipFile, zlib.error, KeyError, ValueError, EOFError)


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
            shape, dtype = header_of(file, path, name)
            size = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
            for start in range(0, shape[0], BLOCK):
                rows = min(BLOCK, shape[0] - start)
                block = np.frombuffer(exactly(file.read(rows * size), rows * size, path), dtype)
                yield from block.reshape(rows, *shape[1:])
    except DAMAGED as error:
        raise ModelsError(f"{path} has no readable array {name}; fetch it again") from error


def array_shape(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and type of one array, without its rows; raises as `array_rows` does."""
    try:
        with ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            return header_of(file, path, name)
    except DAMAGED as error:
        raise ModelsError(f"{path} has no readable array {name}; fetch it again") from error


def header_of(file: IO[bytes], path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and type of the array that begins here, refused where its rows cannot be read one by one."""
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, by_column, dtype = header(file)
    if (by_column and len(shape) > 1) or dtype.hasobject or not shape:
        raise ModelsError(f"{path} holds {name} in another form than MedMNIST's; fetch it again")
    return shape, dtype


def exactly(data: bytes, size: int, path: Path) -> bytes:
    """The bytes, refused where the archive ends too early."""
    if len(data) != size:
        raise ModelsError(f"{path} is cut short; fetch it again")
    return data
