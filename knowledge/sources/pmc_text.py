"""The text of a journal article in JATS as blocks: headings and paragraphs, without what nobody can quote."""

import re
from collections.abc import Iterator

from lxml import etree

from knowledge.sources.headings import Block
from knowledge.sources.markup import local_name

_LEFT_OUT = frozenset(
    [
        "ack",
        "alternatives",
        "array",
        "attrib",
        "chem-struct-wrap",
        "code",
        "disp-formula",
        "disp-formula-group",
        "fn",
        "fn-group",
        "glossary",
        "graphic",
        "inline-graphic",
        "inline-supplementary-material",
        "label",
        "media",
        "notes",
        "object-id",
        "permissions",
        "preformat",
        "processing-meta",
        "ref-list",
        "subtitle",
        "supplementary-material",
        "table",
        "table-wrap",
        "table-wrap-foot",
        "table-wrap-group",
        "tex-math",
        "title",
        "private-char",
        "textual-form",
        "long-desc",
        "alt-text",
    ]
)
_SECTIONS_LEFT_OUT = frozenset(["supplementary-material", "display-objects", "ref-list", "data-availability"])
_BLOCKS = frozenset(
    [
        "boxed-text",
        "caption",
        "def-item",
        "def-list",
        "disp-quote",
        "fig",
        "fig-group",
        "list",
        "list-item",
        "p",
        "sec",
        "speech",
        "statement",
        "verse-group",
    ]
)
_MARKS = frozenset({"fn", "table-fn", "aff", "corresp", "author-notes"})
_PLAIN_MATHS = frozenset(["math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "semantics"])
_NUMBERS = re.compile(r"[\d\s,;*†‡()\[\]–‐-]+")
_EXPONENT = re.compile(r"[-−–]?\d")
_CITED = "\x00"  # stands where a citation mark stood; no XML can hold it
_RUN = rf"{_CITED}(?:(?:[\s,;–‐-]|and\b)*{_CITED})*"
_CITATIONS = re.compile(rf"\s?[\[(]\s?{_RUN}\s?[\])]|\s?{_RUN}")


def blocks_of(element: etree._Element, level: int = 1) -> Iterator[Block]:
    """Headings and paragraphs below the element, in reading order; `level` is that of the first headings.

    Figures give their captions. References, tables, displayed formulae and footnotes are left out.
    """
    for child in element:
        name = local_name(child)
        if not name or name in _LEFT_OUT:
            continue
        if name == "sec":
            yield from _section(child, level)
        elif name in {"p", "term", "def"}:
            yield from _paragraph(child, level)
        elif name in {"boxed-text", "caption"}:
            yield from _headed(child, level)
        elif name in _BLOCKS:
            yield from blocks_of(child, level)


def text_of(element: etree._Element | None) -> str:
    """The words of a paragraph or title in one line, without citation marks and without blocks inside it."""
    if element is None:
        return ""
    words: list[str] = []
    _gather(element, words)
    text = " ".join("".join(words).split())
    return _CITATIONS.sub("", text).strip() if _CITED in text else text


def child_of(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first element down this path of local names."""
    for name in path:
        element = next(
            (each for each in (() if element is None else element) if local_name(each) == name), None
        )
    return element


def _section(section: etree._Element, level: int) -> Iterator[Block]:
    if section.get("sec-type") in _SECTIONS_LEFT_OUT:
        return
    if title := text_of(child_of(section, "title")):
        yield Block(title, level)
    yield from blocks_of(section, level + 1 if title else level)


def _headed(box: etree._Element, level: int) -> Iterator[Block]:
    """A box or caption: its title is a paragraph, for what follows the box does not stand below it."""
    if title := text_of(child_of(box, "title")):
        yield Block(title)
    for block in blocks_of(box, level):
        yield Block(block.text)


def _paragraph(paragraph: etree._Element, level: int) -> Iterator[Block]:
    if text := text_of(paragraph):
        yield Block(text)
    if any(local_name(child) in _BLOCKS for child in paragraph):
        yield from blocks_of(paragraph, level)


def _gather(element: etree._Element, words: list[str]) -> None:
    words.append(element.text or "")
    for child in element:
        name = local_name(child)
        if (name == "xref" and child.get("ref-type") == "bibr" and _NUMBERS.fullmatch(_plain(child))) or (
            name == "sup" and any(local_name(each) == "xref" for each in child)
        ):
            words.append(_CITED)
        elif name == "break":
            words.append(" ")
        elif name == "sup" and _follows_digit(words) and _EXPONENT.match(_plain(child)):
            words.append(f"^{_plain(child)}")  # 10<sup>9</sup> must not read 109
        elif name == "math":
            words.append(_maths(child))
        elif name == "alternatives":
            words.extend(_maths(each) for each in child if local_name(each) == "math")
        elif name and name not in _LEFT_OUT and name not in _BLOCKS and not _is_mark(child, name):
            _gather(child, words)
        words.append(child.tail or "")


def _is_mark(element: etree._Element, name: str) -> bool:
    return name == "xref" and element.get("ref-type") in _MARKS


def _follows_digit(words: list[str]) -> bool:
    last = next((each for each in reversed(words) if each), "")
    return last[-1:].isdigit()


def _maths(formula: etree._Element) -> str:
    """`p < 0.05` as text; nothing where a fraction or power would be read as another number."""
    if all(local_name(each) in _PLAIN_MATHS for each in formula.iter()):
        return _plain(formula)
    return ""


def _plain(element: etree._Element) -> str:
    return "".join([str(part) for part in element.itertext()]).strip()
