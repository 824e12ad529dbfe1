"""Lines, bookmarks and metadata of a PDF file, taken out with pdfium."""

import ctypes
import re
import threading
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from knowledge.errors import KnowledgeError
from knowledge.sources.pdf.layout import Bookmark, Line, Page, PdfContent
from knowledge.sources.pdf.xmp import xmp_of

MOST_PAGES = 50_000
MOST_CHARACTERS = 200_000
"""Of one page: far above any honest one."""
MOST_BOOKMARKS = 50_000
"""Entries of an outline that are read; text after them stays under the last."""

_ONE_AT_A_TIME = threading.Lock()  # pdfium is not safe across threads
_LINE_END_HYPHENS = "-\u00ad\u2010\u0002\ufffe"
_JOINED = re.compile(
    r"[\u0002\ufffe]|\r?\n|\r"
)  # pdfium writes one of the first two for a hyphen and a line end
_LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
    }
)
_DIGITS = re.compile(r"\d{2,}")
_RAISED = re.compile(r"(?<=[^\W\d_]|[.,;:!?)\]”’\"']) ?([\d*†‡§¶]+(?:[,–-]\d+)*)")
_AFTER_WORD = re.compile(r"(?:[^\W\d_]{4}|[.,;:!?)\]”’\"'])$")  # not the unit of cm³ nor the ion of Ca²⁺
_TOP_MODES = {1: 1, 3: 0, 7: 0}  # where the views XYZ, FitH and FitBH hold their height


def extract(file: Path) -> PdfContent:
    """All text of the file.

    Raises:
        KnowledgeError: pypdfium2 is not installed, or the file is no PDF, is damaged, or needs a password.
    """
    try:
        import pypdfium2  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise KnowledgeError(
            f"Reading {file} needs the package pypdfium2: install it with `pip install 'knobo[books]'`."
        ) from error
    with _ONE_AT_A_TIME:
        try:
            document = pypdfium2.PdfDocument(file)
        except (OSError, pypdfium2.PdfiumError) as error:
            raise _refused(file, error) from error
        try:
            return _content(document, file)
        except pypdfium2.PdfiumError as error:
            raise _refused(file, error) from error
        finally:
            document.close()


def _refused(file: Path, error: Exception) -> KnowledgeError:
    if "password" in str(error).lower():
        return KnowledgeError(
            f"{file} is encrypted and opens with a password only: give a copy that opens without one."
        )
    return KnowledgeError(f"{file} is no sound PDF file ({error}): fetch it again.")


def _content(document: Any, file: Path) -> PdfContent:
    if len(document) > MOST_PAGES:
        raise KnowledgeError(f"{file} has more than {MOST_PAGES:,} pages: split it into volumes.")
    pages = tuple(_page(document, number, file) for number in range(len(document)))
    given = {
        key: document.get_metadata_value(key).strip()
        for key in ("Title", "License", "Copyright", "CreationDate")
    }
    embedded = xmp_of(file)
    return PdfContent(
        pages=pages,
        outline=tuple(islice(_outline(document), MOST_BOOKMARKS)),
        title=given["Title"] or embedded.title,
        rights=tuple(each for each in (*embedded.rights, given["License"], given["Copyright"]) if each),
        dates=tuple(each for each in (*embedded.dates, given["CreationDate"]) if each),
    )


def _outline(document: Any) -> Iterator[Bookmark]:
    for entry in document.get_toc():
        target, title = entry.get_dest(), " ".join(entry.get_title().split())
        page = None if target is None else target.get_index()
        if page is None or not title or not 0 <= page < len(document):
            continue
        mode, place = target.get_view()
        at = _TOP_MODES.get(mode)
        top = place[at] if at is not None and at < len(place) else None
        yield Bookmark(title, entry.level, page, top)


def _page(document: Any, number: int, file: Path) -> Page:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            if text_page.count_chars() > MOST_CHARACTERS:
                raise KnowledgeError(
                    f"{file} holds more than {MOST_CHARACTERS:,} characters on page {number + 1}: fetch it."
                )
            lines = tuple(_Letters(text_page).lines())
        finally:
            text_page.close()
        label = document.get_page_label(number) or str(number + 1)
        return Page(label, page.get_height(), lines)
    finally:
        page.close()


class _Letters:
    """The characters of one page and their boxes."""

    def __init__(self, text_page: Any) -> None:
        import pypdfium2.raw as pdfium  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        self._page = text_page.raw
        self._box = pdfium.FPDFText_GetLooseCharBox
        self._rectangle = pdfium.FS_RECTF()
        codes = (pdfium.FPDFText_GetUnicode(self._page, i) for i in range(text_page.count_chars()))
        self.text = "".join(
            chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else " " for code in codes
        )

    def box(self, place: int) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of a character, as high as its font."""
        if not self._box(self._page, place, ctypes.byref(self._rectangle)):
            return (0.0, 0.0, 0.0, 0.0)
        found = self._rectangle
        return found.left, found.bottom, found.right, found.top

    def lines(self) -> Iterator[Line]:
        ends = [found.span() for found in _JOINED.finditer(self.text)]
        bounds = [(0, 0), *ends, (len(self.text), len(self.text))]
        for (_, start), (end, after) in pairwise(bounds):
            joined = self.text[end] if end < after and self.text[end] in _LINE_END_HYPHENS else ""
            while start < end and self.text[start].isspace():
                start += 1  # noqa: PLW2901 - blanks are drawn, too
            while start < end and self.text[end - 1].isspace():
                end -= 1  # noqa: PLW2901
            if start < end:
                yield self._line(start, end, joined)

    def _line(self, start: int, end: int, joined: str) -> Line:
        text, hyphen = self._without_marks(start, end), joined
        if not joined and len(text) > 1 and text[-1] in _LINE_END_HYPHENS and text[-2].isalpha():
            text, hyphen = text[:-1], text[-1]
        left, bottom, _, top = self.box(start)
        return Line(text, left, bottom, self.box(end - 1)[2], top, hyphen)

    def _without_marks(self, start: int, end: int) -> str:
        """The text without raised note marks, and with `^` before a raised exponent."""
        marks = [
            (found.start(), found.end(), "")
            for found in _RAISED.finditer(self.text, start, end)
            if self._is_raised(found.start() - 1, found.start(1))
            and _AFTER_WORD.search(self.text, max(start, found.start() - 4), found.start())
        ]
        powers = [
            (place, place, "^")
            for found in _DIGITS.finditer(self.text, start, end)
            if (place := self._power(found.start(), found.end())) is not None
        ]
        text, place = "", start
        for begin, stop, instead in sorted(marks + powers):
            text, place = text + self.text[place:begin] + instead, stop
        return " ".join((text + self.text[place:end]).translate(_LIGATURES).split())

    def _power(self, start: int, end: int) -> int | None:
        """Where the raised digits begin that end this number, if any do."""
        if not self._is_raised(start, end - 1):
            return None
        return next(place for place in range(start + 1, end) if self._is_raised(start, place))

    def _is_raised(self, base: int, place: int) -> bool:
        """Whether the character at `place` is set smaller and higher than that at `base`."""
        _, low, _, high = self.box(base)
        _, bottom, _, top = self.box(place)
        return 0 < top - bottom < 0.85 * (high - low) and bottom > low + 0.15 * (high - low)
