"""Where the bookmarks of a PDF file stand in its text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.sources.pdf.layout import Bookmark, Line, Page

_MOST_LINES = 4
"""Lines that a heading may take."""
_LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines between two bookmarks.

    Attributes:
        path: Bookmarks over it, outermost first; empty before the first.
        lines: Each with its page from 0, without the heading itself.
    """

    path: tuple[str, ...]
    lines: tuple[tuple[int, Line], ...]


def stretches(pages: Sequence[Page], outline: Sequence[Bookmark]) -> list[Stretch]:
    """The text cut at its bookmarks, in reading order."""
    lines = [(number, line) for number, page in enumerate(pages) for line in page.lines]
    first = _first_lines(lines, len(pages))
    found: list[Stretch] = []
    path: list[Bookmark] = []
    begin = 0
    for mark in outline:
        start, after = _place(mark, lines, first, begin)
        found.append(Stretch(tuple(each.title for each in path), tuple(lines[begin:start])))
        while path and path[-1].level >= mark.level:
            path.pop()
        path.append(mark)
        begin = after
    found.append(Stretch(tuple(each.title for each in path), tuple(lines[begin:])))
    return found


def _first_lines(lines: Sequence[tuple[int, Line]], pages: int) -> list[int]:
    """Place of the first line of each page and of the end: (pages + 1)."""
    first = [len(lines)] * (pages + 1)
    for place in range(len(lines) - 1, -1, -1):
        first[lines[place][0]] = place
    for page in range(pages - 1, -1, -1):
        first[page] = min(first[page], first[page + 1])
    return first


def _place(
    mark: Bookmark, lines: Sequence[tuple[int, Line]], first: Sequence[int], begin: int
) -> tuple[int, int]:
    """Where the heading of a bookmark begins and ends among the lines, never before `begin`.

    By its words on the page that it leads to, else by the height there, else at the top of that page.
    """
    start, end = max(first[mark.page], begin), max(first[mark.page + 1], begin)
    wanted = _plain(mark.title)
    for place in range(start, end):
        text = ""
        for stop in range(place + 1, min(place + _MOST_LINES, end) + 1):
            text += _plain(lines[stop - 1][1].text)
            if text == wanted or (
                len(wanted) > 3 and text.lstrip("0123456789") == wanted.lstrip("0123456789")
            ):
                return place, stop
            if len(text) > len(wanted) + 6:
                break
    if mark.top is not None:
        below = (place for place in range(start, end) if lines[place][1].bottom < mark.top)
        start = next(below, end)
    return start, start


def _plain(text: str) -> str:
    return "".join(_LETTERS.findall(text.lower()))
