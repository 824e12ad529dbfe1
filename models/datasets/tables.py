"""Reads named columns of a CSV or Parquet file as strings."""

import csv
import gzip
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from models.errors import ModelsError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

DELIMITERS = {".csv": ",", "": ",", ".tsv": "\t", ".tab": "\t"}


def read_columns(path: Path, names: Iterable[str], *, optional: Iterable[str] = ()) -> dict[str, list[str]]:
    """Cells of the named columns, in the file's order, stripped; a missing value is an empty string.

    Args:
        path: The table.
        names: Columns that must be there.
        optional: Columns whose cells are empty where the table lacks them.

    Raises:
        ModelsError: No such file, another format, a column that is not there, rows of unequal length.
    """
    required = list(dict.fromkeys(names))
    more = [name for name in dict.fromkeys(optional) if name not in required]
    if not path.is_file():
        raise ModelsError(f"there is no table at {path}; check the path")
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if suffix.lower() in DELIMITERS:
        return read_delimited(path, required, more, DELIMITERS[suffix.lower()])
    if suffix.lower() == ".parquet":
        return read_parquet(path, required, more)
    raise ModelsError(f"{path} is neither .csv, .tsv (also .gz) nor .parquet; convert it or rename it")


def require_columns(path: Path, wanted: list[str], there: list[str]) -> None:
    """Say which columns are missing and which there are."""
    missing = [name for name in wanted if name not in there]
    if missing:
        message = f"{path} has no column {', '.join(missing)}; its columns are {', '.join(there)}"
        raise ModelsError(message)


def require_once(path: Path, wanted: list[str], there: list[str]) -> None:
    """Refuse a name that two columns have: either may be meant."""
    twice = [name for name in wanted if name and there.count(name) > 1]
    if twice:
        raise ModelsError(f"{path} has more than one column {', '.join(twice)}; rename or remove the others")


def with_absent(cells: dict[str, list[str]], names: Iterable[str], rows: int) -> dict[str, list[str]]:
    """Columns in the order asked for, empty where the table has none of that name."""
    return {name: cells[name] if name in cells else [""] * rows for name in names}


def read_delimited(
    path: Path, required: list[str], optional: list[str], delimiter: str
) -> dict[str, list[str]]:
    """Columns of a CSV or TSV file in UTF-8, compressed or not."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a report is often longer than the default of 131,072
    try:
        with open_text(path) as file:
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(rows, [])]
            require_columns(path, required, header)
            wanted = [name for name in [*required, *optional] if name in header]
            require_once(path, wanted, header)
            places = [header.index(name) for name in wanted]
            table = [[row[place].strip() for place in places] for row in whole_rows(path, rows, len(header))]
    except UnicodeDecodeError as error:
        raise ModelsError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (csv.Error, EOFError, OSError) as error:
        raise ModelsError(f"{path} cannot be read as a table ({error}); check the file") from error
    cells = {name: [row[place] for row in table] for place, name in enumerate(wanted)}
    return with_absent(cells, [*required, *optional], len(table))


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """A text file, decompressed where its name ends in .gz; a byte order mark is dropped."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file


def whole_rows(path: Path, rows: Iterable[list[str]], width: int) -> Iterator[list[str]]:
    """Rows with as many cells as the header; blank lines are passed over."""
    for number, row in enumerate(rows, start=2):
        if row and len(row) != width:
            message = f"row {number} of {path} has {len(row)} cells, the header has {width}; check its quotes"
            raise ModelsError(message)
        if row:
            yield row


def read_parquet(path: Path, required: list[str], optional: list[str]) -> dict[str, list[str]]:
    """Columns of a Parquet file as text."""
    import pyarrow as pa  # noqa: PLC0415  # a CSV does not need it
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    try:
        with ParquetFile(path) as file:
            there = file.schema_arrow.names
            require_columns(path, required, there)
            wanted = [name for name in [*required, *optional] if name in there]
            rows = file.metadata.num_rows
            cells = {name: column_text(file, name) for name in wanted}
    except pa.ArrowException as error:
        raise ModelsError(f"{path} cannot be read as Parquet; write it again") from error
    return with_absent(cells, [*required, *optional], rows)


def column_text(file: "pq.ParquetFile", name: str) -> list[str]:
    """One column as text, read by itself: all typed columns at once would outweigh the text of all."""
    (column,) = file.read(columns=[name]).columns
    return [cell_text(value) for value in column.to_pylist()]


def cell_text(value: object) -> str:
    """A typed cell as text; whole floats lose their .0, for gaps turn a column of integers into floats."""
    if value is None or value != value:  # noqa: PLR0124  # only NaN differs from itself
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
