"""What a PDF file holds, before any interpretation: lines of text with their place, bookmarks, metadata."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text.

    Attributes:
        text: Without the hyphen at its end.
        left: Edges in points from the lower left corner of the page.
        bottom: As `left`.
        right: As `left`.
        top: As `left`; height of the font, not of the letters that happen to stand there.
        hyphen: The one that ends the line, or empty.
    """

    text: str
    left: float
    bottom: float
    right: float
    top: float
    hyphen: str = ""

    @property
    def height(self) -> float:
        """Of the font, in points."""
        return self.top - self.bottom


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        label: The number printed on it where the file tells, else its place in the file, from 1.
        height: In points.
        lines: In the order in which the file draws them.
    """

    label: str
    height: float
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One entry of the outline.

    Attributes:
        title: As shown there.
        level: 0 for the outermost.
        page: Its place in the file, from 0.
        top: Height on the page that it leads to, in points, or none.
    """

    title: str
    level: int
    page: int
    top: float | None = None


@dataclass(frozen=True, slots=True)
class PdfContent:
    """All of a file that is read.

    Attributes:
        title: From the metadata; empty where there is none.
        rights: Statements of licence in the metadata, the most explicit first.
        dates: Dates in the metadata, that of publication first.
    """

    pages: tuple[Page, ...]
    outline: tuple[Bookmark, ...]
    title: str = ""
    rights: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
