"""The text of a page as blocks in reading order: headings, paragraphs, list items and table rows."""

import re
from collections.abc import Iterator

from lxml import etree

from knowledge.sources.headings import Block
from knowledge.sources.markup import local_name, tokens
from knowledge.sources.page_furniture import is_furniture

_BLOCKS = re.compile(
    "address|article|aside|blockquote|body|caption|center|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|"
    "header|hr|html|legend|li|main|ol|p|pre|section|summary|table|td|th|tr|ul"
)
_LEVEL = re.compile(r"h([1-6])")
_EXPONENT = re.compile(r"[-−–]?\d")


def content_of(root: etree._Element) -> etree._Element:
    """The part of the page that is its text: `main`, or the only `article`, or the body."""
    for name in ("main", "article", "body"):
        found = [each for each in root.iter() if local_name(each) == name]
        found = found or [each for each in root.iter() if name in tokens(each, "role")]
        if len(found) == 1:
            return found[0]
    return root


def blocks_of(element: etree._Element) -> Iterator[Block]:
    """Headings and paragraphs below the element, in reading order."""
    reader = _Reader()
    reader.inside(element)
    reader.flush()
    yield from reader.blocks


def text_of(element: etree._Element) -> str:
    """The words below the element in one line."""
    return " ".join(block.text for block in blocks_of(element))


class _Reader:
    """Walks a page; the words of a block gather until the block ends."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.words: list[str] = []
        self.defines = False  # the words are a term whose definition follows

    def flush(self, level: int = 0) -> None:
        """End the block."""
        text = " ".join("".join(self.words).split())
        self.words, self.defines = [], False
        if text:
            self.blocks.append(Block(text, level))

    def text(self, text: str | None) -> None:
        if text:
            self.words.append(text)
            self.defines = self.defines and not text.strip()

    def inside(self, element: etree._Element) -> None:
        """The element's own text, its children, and what stands between them."""
        self.text(element.text)
        for child in element:
            if not is_furniture(child):
                self.child(child, local_name(child))
            self.text(child.tail)

    def child(self, element: etree._Element, name: str) -> None:
        if level := _LEVEL.fullmatch(name):
            self.heading(element, int(level[1]))
        elif "heading" in tokens(element, "role"):
            self.heading(element, _aria_level(element))
        elif name == "table" and "presentation" not in tokens(element, "role"):
            self.flush()
            self.table(element)
        elif name == "dd":
            self.definition(element)
        elif _BLOCKS.fullmatch(name):
            self.block(element, name)
        elif name == "br":
            self.words.append(" ")
        else:
            if name == "sup" and self.is_after_digit() and _EXPONENT.match(element.text or ""):
                self.words.append("^")  # 10<sup>9</sup> must not read 109
            self.inside(element)

    def heading(self, element: etree._Element, level: int) -> None:
        self.flush()
        text = " ".join(" ".join(block.text for block in blocks_of(element)).split())
        if text:
            self.blocks.append(Block(text, level))

    def block(self, element: etree._Element, name: str) -> None:
        if not self.defines:
            self.flush()
        self.inside(element)
        if name != "dt":
            self.flush()

    def definition(self, element: etree._Element) -> None:
        """A definition follows its term on one line."""
        term = "".join(self.words).strip()
        if term:
            self.words, self.defines = [f"{term}: "], True
        self.inside(element)
        self.flush()

    def table(self, table: etree._Element) -> None:
        """One block a row, with a bar between the cells; rows of a table in a cell stay in the cell."""
        for part in table:
            name = local_name(part)
            if name == "tr":
                cells = [text_of(cell) for cell in part if local_name(cell) in {"td", "th"}]
                if any(cells):
                    self.blocks.append(Block(" | ".join(cells)))
            elif name in {"thead", "tbody", "tfoot"}:
                self.table(part)
            elif name == "caption":
                self.block(part, name)

    def is_after_digit(self) -> bool:
        before = next((word for word in reversed(self.words) if word), "")
        return before[-1:].isdigit()


def _aria_level(element: etree._Element) -> int:
    level = str(element.get("aria-level", ""))
    return int(level) if level in {"1", "2", "3", "4", "5", "6", "7", "8", "9"} else 2
