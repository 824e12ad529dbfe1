"""A column of reports that stay in their files until they are asked for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload


class TextFiles(Sequence[str]):
    """The texts of files, each read when its row is; empty where there is no file.

    Attributes:
        files: `(n,)` where the text of each row is; None for none.
    """

    def __init__(self, files: Sequence[Path | None]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> "TextFiles": ...
    def __getitem__(self, row: int | slice) -> "str | TextFiles":
        if isinstance(row, slice):
            return TextFiles(self.files[row])
        file = self.files[row]
        if file is None or not file.is_file():
            return ""
        return file.read_text(encoding="utf-8", errors="replace").strip()

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def rows(self, wanted: Sequence[int]) -> "TextFiles":
        """Some rows, unread."""
        return TextFiles([self.files[row] for row in wanted])
