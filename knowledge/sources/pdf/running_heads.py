"""Lines at the edge of the pages that belong to the book's making: running heads and feet, page numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from knowledge.sources.pdf.layout import Line, Page

_EDGE = 0.14
"""Share of the height of a page, at its top and at its foot, where such lines stand."""
_NUMBER = re.compile(r"\d+|(?<!\w)[ivxlcdm]+(?!\w)")
_PAGE_NUMBER = re.compile(r"\W*(?:page |p\. ?)?#(?: ?(?:of|/) ?#)?\W*")


def without_running_heads(pages: Sequence[Page]) -> list[Page]:
    """The pages without page numbers and without what stands at the edge of three pages, or of both of two.

    A line at the edge that repeats a line in the body of its page goes, too: the running head of a chapter.
    """
    counts = Counter(key for page in pages for key in {_key(line, page) for line in page.lines} if key)
    enough = 2 if len(pages) == 2 else 3
    return [
        replace(page, lines=tuple(line for line in page.lines if not _is_head(line, page, counts, enough)))
        for page in pages
    ]


def _is_head(line: Line, page: Page, counts: Counter[tuple[str, str]], enough: int) -> bool:
    key = _key(line, page)
    if key is None:
        return False
    repeats_a_heading = any(
        (each.text, each.hyphen) == (line.text, "") and not _key(each, page) for each in page.lines
    )
    return bool(_PAGE_NUMBER.fullmatch(key[1])) or counts[key] >= enough or repeats_a_heading


def _key(line: Line, page: Page) -> tuple[str, str] | None:
    """Edge and text, with `#` for every number; none for a line that stands in the body of the page."""
    middle = (line.bottom + line.top) / 2 / page.height if page.height else 0.5
    if _EDGE < middle < 1 - _EDGE:
        return None
    return ("top" if middle > 0.5 else "foot"), _NUMBER.sub("#", line.text.lower())
