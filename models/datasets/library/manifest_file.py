"""Writes columns as the table that a configuration names as `manifest`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import Progress
from models.errors import ModelsError
from models.files import replacing

if TYPE_CHECKING:
    from pyarrow import Table

BLOCK = 20000


def write_manifest(
    path: Path, columns: ImageColumns, *, under: str = "", progress: Progress | None = None
) -> None:
    """A Parquet or CSV table with a row an image, written block by block; reports are read on the way.

    Args:
        path: Of the table; its suffix decides.
        columns: Images at hand.
        under: Folder between the table and the images, ending in a slash; empty where they lie beside it.
        progress: Called with rows written and in all.

    Raises:
        ModelsError: Another suffix, or no image.
    """
    if not len(columns):
        raise ModelsError("no image of the data set is at hand; check the folder")
    writers = {".parquet": write_parquet, ".csv": write_csv}
    if path.suffix not in writers:
        raise ModelsError(f"{path} is neither .parquet nor .csv; rename it")
    names = columns.by_name()
    names["image"] = [f"{under}{image}" for image in columns.image]
    writers[path.suffix](path, names, progress)


def write_parquet(path: Path, columns: dict[str, Sequence[str]], progress: Progress | None) -> None:
    """Text columns, in row groups."""
    import pyarrow as pa  # noqa: PLC0415  # a CSV does not need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema([(name, pa.string()) for name in columns])
    total = len(columns["image"])

    def block(start: int) -> "Table":
        cells = {name: list(column[start : start + BLOCK]) for name, column in columns.items()}
        return pa.table(cells, schema=schema)

    with replacing(path) as file, pq.ParquetWriter(file, schema) as writer:
        for start in range(0, total, BLOCK):
            writer.write_table(block(start))
            if progress is not None:
                progress(min(start + BLOCK, total), total)


def write_csv(path: Path, columns: dict[str, Sequence[str]], progress: Progress | None) -> None:
    """UTF-8, one line an image but for line breaks inside quoted reports."""
    total = len(columns["image"])
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(columns)
        for start in range(0, total, BLOCK):
            parts = [column[start : start + BLOCK] for column in columns.values()]
            rows.writerows(zip(*parts, strict=True))
            if progress is not None:
                progress(min(start + BLOCK, total), total)
        text.detach()
