"""Reads named columns of the first sheet of an Excel workbook."""

from collections.abc import Iterable
from pathlib import Path

from models.datasets.tables import cell_text, require_columns
from models.errors import ModelsError


def read_sheet(path: Path, names: Iterable[str], *, header: int = 1) -> dict[str, list[str]]:
    """Cells of the named columns as text, in the sheet's order; an empty cell is an empty string.

    Rows without any value are passed over.

    Args:
        path: An .xlsx file.
        names: Columns by their heading, without the white space around it.
        header: Number of the row of headings, from 1.

    Raises:
        ModelsError: openpyxl is not installed, no such file, no workbook, a column that is not there.
    """
    wanted = list(dict.fromkeys(names))
    rows = rows_of(path)[header - 1 :]
    headings = [" ".join(cell.split()) for cell in rows[0]] if rows else []
    require_columns(path, wanted, [name for name in headings if name])
    places = [headings.index(name) for name in wanted]
    filled = [row for row in rows[1:] if any(row)]
    return {name: [row[place] for row in filled] for name, place in zip(wanted, places, strict=True)}


def rows_of(path: Path) -> list[list[str]]:
    """Every row of the first sheet as text."""
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        message = f"reading {path} needs openpyxl; install it with: pip install 'knobo[xlsx]'"
        raise ModelsError(message) from error
    if not path.is_file():
        raise ModelsError(f"there is no workbook at {path}; check the path")
    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            return same_width(
                [[cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
            )
        finally:
            book.close()
    except Exception as error:  # a damaged archive may throw anything
        message = f"{path} cannot be read as an Excel workbook ({type(error).__name__}); save it again"
        raise ModelsError(message) from error


def same_width(rows: list[list[str]]) -> list[list[str]]:
    """Rows filled up with empty cells."""
    width = max((len(row) for row in rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]
