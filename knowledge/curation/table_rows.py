"""Rows of a CSV file that a person may have saved from a spreadsheet, each knowing its line."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.curation.cells import read_number
from knowledge.errors import KnowledgeError
from knowledge.spreadsheet_cells import unguarded


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `cells` by the name of the column."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The text of a cell, empty where the column is absent."""
        return unguarded(self.cells.get(column, ""))

    def number(self, column: str) -> float | None:
        """The number of a cell, None where it is empty."""
        cell = self.cells.get(column, "")
        try:
            return read_number(cell)
        except ValueError:
            raise self.fault(f"has `{cell}` under `{column}`; give a number") from None

    def fault(self, what: str) -> KnowledgeError:
        """One sentence that begins with file and line."""
        return KnowledgeError(f"Line {self.line} of {self.path} {what}.")


def read_rows(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    """Header, and the rows that are not empty; comma, semicolon or tab may part the cells.

    Raises:
        KnowledgeError: No such file, not UTF-8, not CSV, a column twice, or a row longer than the header.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise KnowledgeError(
            f"The table {path} cannot be read ({error.strerror}); check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise KnowledgeError(
            f"{path} is not UTF-8 (byte {error.start}); save it as `CSV UTF-8` in the spreadsheet."
        ) from error
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)  # spreadsheets write semicolons where the comma is decimal
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = tuple(name.strip() for name in next(reader, []))
        _refuse_repeated(header, path)
        return header, [Row(path, line, cells) for line, cells in _rows(reader, header, path)]
    except csv.Error as error:
        raise KnowledgeError(
            f"Line {reader.line_num} of {path} is not CSV ({error}); mend it or save the file again."
        ) from error


def _refuse_repeated(header: tuple[str, ...], path: Path) -> None:
    repeated = [name for place, name in enumerate(header) if name and name in header[:place]]
    if repeated:
        raise KnowledgeError(f"Line 1 of {path} names the column `{repeated[0]}` twice; remove one of them.")


def _rows(reader: Any, header: tuple[str, ...], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    line = reader.line_num + 1
    for cells in reader:
        if len(cells) > len(header) and any(cells[len(header) :]):
            raise KnowledgeError(
                f"Line {line} of {path} has {len(cells)} cells and the header {len(header)}; "
                "put texts that hold the separator in quotes."
            )
        if any(cell.strip() for cell in cells):
            yield line, dict(zip(header, cells, strict=False))
        line = reader.line_num + 1
