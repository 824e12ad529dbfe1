"""Lines joined to paragraphs: words hyphenated at a line end made whole, no sentence torn by a page."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from knowledge.sources.headings import LEFT_OUT, is_left_out
from knowledge.sources.pdf.layout import Line, Page

_SOFT = "\u00ad\u2010"
_LONGEST = 20_000
"""Characters after which a paragraph ends whatever follows: a table of numbers has no sentence end."""
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LONGEST_WORD = 100
_LAST = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*$")
_FIRST = re.compile(r"^[^\W\d_]+")
_SENTENCE_END = re.compile(r"""[.!?:]["”’)\]]*(?:\s|$)""")
_BULLET = re.compile(r"^[•▪◦‣■□●○\uf0b7\uf0a7]\s*")
_ITEM = re.compile(r"(?:\d{1,3}[.)]|\[\d{1,3}\]|\([a-z0-9]\))\s")
_LEADERS = re.compile(r"(?:\.\s?){4,}\s*[\divxlc]+$")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Joined lines.

    Attributes:
        text: On one line.
        starts: Offset in `text` and page (from 0) for each page that the paragraph stands on.
    """

    text: str
    starts: tuple[tuple[int, int], ...]


def vocabulary(pages: Iterable[Page]) -> frozenset[str]:
    """The words of the file that stand whole on a line, in lower case, compounds with their hyphens."""
    words: set[str] = set()
    broken = False
    for page in pages:
        for line in page.lines:
            found = [word.lower() for word in _WORD.findall(line.text)]
            words.update(found[broken : len(found) - bool(line.hyphen)])
            broken = bool(line.hyphen)
    return frozenset(words)


def paragraphs(lines: Iterable[tuple[int, Line]], words: frozenset[str]) -> Iterator[Paragraph]:
    """Paragraphs from lines, each with its page from 0; lines of a table of contents are left out."""
    text, starts, before = "", list[tuple[int, int]](), None
    for page, line in lines:
        if _LEADERS.search(line.text):
            continue
        if before is not None and (len(text) > _LONGEST or _begins(before, line, text)):
            yield Paragraph(text, tuple(starts))
            text, starts, before = "", [], None
        content = _BULLET.sub("", line.text)
        joint = "" if before is None else _joint(text, content, before, words)
        if not starts or starts[-1][1] != page:
            starts.append((len(text) + len(joint), page))
        text, before = text + joint + content, line
    if text:
        yield Paragraph(text, tuple(starts))


def by_page(found: Paragraph) -> Iterator[tuple[int, str]]:
    """The paragraph cut where a page ends, each sentence on the page on which it begins."""
    begin, page = 0, found.starts[0][1]
    for offset, following in found.starts[1:]:
        end = _SENTENCE_END.search(found.text, max(offset - 2, begin))
        cut = len(found.text) if end is None else end.end()
        if begin < cut:
            yield page, found.text[begin:cut].strip()
        begin, page = max(begin, cut), following
    if begin < len(found.text):
        yield page, found.text[begin:].strip()


def _begins(before: Line, line: Line, text: str) -> bool:
    """Whether a paragraph begins with the line.

    A break inside a sentence costs the sentence, a break between two costs nothing: so only another size of
    letters, a bullet, `References` or a wide gap ends a paragraph anywhere, all else after the end of a
    sentence.
    """
    if before.hyphen:
        return False
    height = max(before.height, line.height)
    below = before.bottom - line.top  # negative in another column or on another page
    other_size = abs(before.height - line.height) > 0.1 * height
    if _BULLET.match(line.text) or _ITEM.match(line.text):
        return True
    if is_left_out(before.text, LEFT_OUT) or is_left_out(line.text, LEFT_OUT):
        return True
    if (other_size or below > 0.9 * height) and not line.text[:1].islower():
        return True
    ended = text[-3:].rstrip('"”’)]').endswith((".", "!", "?", ":"))
    indented = line.left - before.left > 0.8 * height
    short = before.right < line.right - 3 * height
    return ended and (indented or short or below > 0.4 * height)


def _joint(text: str, following: str, before: Line, words: frozenset[str]) -> str:
    """What stands between two lines: a blank, or after a hyphen that hyphen or nothing.

    The words of the file decide; a hyphen that only a line end calls for goes unless they have the compound.
    """
    if not before.hyphen:
        return "" if text.endswith(("/", "—")) or following.startswith("—") else " "
    last, first = _LAST.search(text[-_LONGEST_WORD:]), _FIRST.search(following)
    if last is None or first is None:
        return "-"
    one, other = last[0].lower(), first[0].lower()
    if one + other in words:
        return ""
    if f"{one}-{other}" in words or len(one) == 1 or first[0][0].isupper():
        return "-"
    if before.hyphen in _SOFT:
        return ""
    return "-" if one.rpartition("-")[2] in words and other in words else ""
