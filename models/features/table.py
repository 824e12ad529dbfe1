"""A matrix whose rows and columns have names; on disk it is used where it lies, without being loaded."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from models.artifacts import ABOUT, to_json
from models.errors import ModelsError
from models.files import replacing
from models.row_blocks import row_blocks

VALUES, NAMES, KIND = "values.npy", "names.json", "feature table"
SPAN = 2**24  # bytes under one checksum
READERS = 4


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Vectors by image id.

    Attributes:
        ids: `(n,)`, each once.
        columns: `(d,)` names (feature numbers, or concept ids for scores).
        values: `(n, d) float32`; a read-only map of a file where the table was loaded. Walk it with
            `row_blocks`, or draw `rows`.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.ids), len(self.columns)):
            message = (
                f"values are {self.values.shape} for {len(self.ids)} ids and {len(self.columns)} columns"
            )
            raise ValueError(message)
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("an id stands twice in a feature table")

    def rows(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Vectors `(n, d) float32` of some ids, in their order; a copy in memory.

        Raises:
            ModelsError: An id without a vector.
        """
        asked = set(ids)
        place = {image: row for row, image in enumerate(self.ids) if image in asked}
        absent = [image for image in ids if image not in place]
        if absent:
            message = (
                f"{len(absent)} of {len(ids)} images have no features (first {absent[0]}); encode them first"
            )
            raise ModelsError(message)
        return np.asarray(self.values[np.array([place[image] for image in ids], dtype=np.intp)])

    def save(self, directory: Path) -> None:
        """Write a folder of plain files; equal tables give equal bytes."""
        write_table(directory, ids=self.ids, columns=self.columns, blocks=row_blocks(self.values))

    @classmethod
    def load(cls, directory: Path) -> "FeatureTable":
        """Opens what `save` wrote: the values are compared with their checksums and then mapped.

        Stored objects, which could run code, are refused.

        Raises:
            ModelsError: No such folder, or not a feature table, or not as it was written.
        """
        try:
            about = json.loads((directory / ABOUT).read_bytes())
            names = (directory / NAMES).read_bytes()
            require_as_written(directory, about, names)
            named = json.loads(names)
            return opened(directory, tuple(named["ids"]), tuple(named["columns"]))
        except OSError as error:
            message = f"there are no features at {directory} ({error.strerror}); encode the images first"
            raise ModelsError(message) from error
        except (ValueError, KeyError, TypeError, EOFError, RecursionError) as error:
            message = f"{directory} is not a feature table ({error}); encode the images again"
            raise ModelsError(message) from error


def write_table(
    directory: Path, *, ids: Sequence[str], columns: Sequence[str], blocks: Iterable[NDArray[np.float32]]
) -> FeatureTable:
    """Writes a table whose values come in parts `(b, d)`, and opens it; only one part is in memory at a time.

    `values.npy` and `names.json` come first and then `about.json` with their checksums, so that files that do
    not belong together cannot be read.
    """
    with replacing(directory / VALUES) as file:
        write_values(file, (len(ids), len(columns)), blocks)
    names = to_json({"ids": list(ids), "columns": list(columns)})
    with replacing(directory / NAMES) as file:
        file.write(names)
    about = {
        "kind": KIND,
        "names_sha256": hashlib.sha256(names).hexdigest(),
        "values_crc32": checksums(directory / VALUES),
    }
    with replacing(directory / ABOUT) as file:
        file.write(to_json(about))
    return opened(directory, tuple(ids), tuple(columns))


def write_values(file: BinaryIO, shape: tuple[int, int], blocks: Iterable[NDArray[np.float32]]) -> None:
    """One npy array of a given shape from parts of it."""
    npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    written = 0
    for block in blocks:
        if block.shape[1:] != shape[1:]:
            raise ValueError(f"a part of a table is {block.shape}, the table {shape}")
        file.write(np.ascontiguousarray(block, dtype="<f4").data)
        written += len(block)
    if written != shape[0]:
        raise ValueError(f"the parts of a table have {written} rows, the table {shape[0]}")


def opened(directory: Path, ids: tuple[str, ...], columns: tuple[str, ...]) -> FeatureTable:
    """The table with its values mapped."""
    values = np.load(directory / VALUES, mmap_mode="r", allow_pickle=False)
    if values.dtype != np.float32:
        raise ValueError(f"{VALUES} holds {values.dtype}, not float32")
    return FeatureTable(ids, columns, values)


def require_as_written(directory: Path, about: object, names: bytes) -> None:
    """Compares the files with what `about.json` says of them; a ValueError names the one that differs."""
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise ValueError(f"{ABOUT} describes something else")
    if about["names_sha256"] != hashlib.sha256(names).hexdigest():
        raise ValueError(f"{NAMES} is not the one that was written")
    if about["values_crc32"] != checksums(directory / VALUES):
        raise ValueError(f"{VALUES} is not the one that was written")


def checksums(path: Path) -> list[int]:
    """CRC-32 of every span of a file; read, not mapped, so that the pages do not count as this process's."""
    starts = range(0, path.stat().st_size, SPAN)
    with ThreadPoolExecutor(READERS, thread_name_prefix="checksum") as threads:
        return list(threads.map(lambda start: span_checksum(path, start), starts))


def span_checksum(path: Path, start: int) -> int:
    """CRC-32 of the span that begins at a byte."""
    with path.open("rb") as file:
        file.seek(start)
        return zlib.crc32(file.read(SPAN))
