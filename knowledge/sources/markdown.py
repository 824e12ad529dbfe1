"""Markdown chapters as documents: headings become sections, markup goes, the words stay.

Understands what textbooks in Markdown carry besides plain text: front matter, kramdown attributes such as
`{: #fig-1 }`, HTML blocks and tables, MathML, definition lists, figures with a caption.
"""

import html
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from knowledge.passages import Document
from knowledge.sources.files import read_text
from knowledge.sources.headings import LEFT_OUT, Block, sections_of
from knowledge.sources.left_out import LeftOut, read_each

SUFFIXES = (".md", ".markdown")

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"""^title:\s*(?P<quote>["']?)(?P<title>.*?)(?P=quote)\s*$""", re.MULTILINE)

# Whole stretches of the file, replaced before it is cut into blocks, in this order.
_STRETCHES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(
            r"<!--.*?-->|<(script|style|annotation|annotation-xml|cnx-pi)\b[^>]*>.*?</\1\s*>", re.DOTALL
        ),
        "",
    ),
    (re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1[^\n]*$", re.DOTALL | re.MULTILINE), ""),
    (
        re.compile(
            r"""!\[(?:[^\[\]]|\[[^\[\]]*\])*\]"""
            r"""\(\s*(?:<[^>]*>|[^"()]*(?:\([^"()]*\)[^"()]*)?)\s*(?:"([^"]*)")?\s*\)"""
        ),
        "\n\n\\1\n\n",
    ),
    (re.compile(r"\{:[^{}]*\}|\{[#.][^{}]*\}"), ""),
    (re.compile(r"^ {0,3}\[[^\]^]+\]:[ \t]*\S.*$", re.MULTILINE), ""),
    (re.compile(r"<(?:br|/?annotation)\b[^>]*>"), "\n"),
    (
        re.compile(r"<h([1-6])\b[^>]*>\s*(.*?)\s*</h\1\s*>", re.DOTALL),
        lambda found: f"\n\n{'#' * int(found[1])} {found[2]}\n\n",
    ),
    (re.compile(r"""<span data-type="title">(.*?)</span>""", re.DOTALL), "\n\n\\1\n\n"),
    (re.compile(r"(?<=\d)<sup\b[^>]*>(?=[-−–]?\d)"), "^"),  # 10<sup>9</sup> must not read 109
    (
        re.compile(
            r"</?(?:div|p|hr|ul|ol|li|dl|dt|dd|table|caption|blockquote|section|article|figure|figcaption|pre)"
            r"\b[^>]*>"
        ),
        "\n\n",
    ),
)
_TABLE = re.compile(r"<table\b.*?</table\s*>", re.DOTALL)
_TABLE_ROW = re.compile(r"<tr\b[^>]*>(.*?)(?=<tr\b|</tr|\Z)", re.DOTALL)
_TABLE_CELL = re.compile(r"<t[dh]\b[^>]*>(.*?)(?=<t[dh]\b|</t[dh]|\Z)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")

# Lines.
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)[\s#]*")
_UNDERLINE = re.compile(r"={3,}|-{3,}")
_RULE = re.compile(r"(?:[-*_]\s*){3,}|\^|\|?[\s:|]*-{3}[\s:|-]*")
_MARKER = re.compile(r"(?:[*+-]|\d{1,3}[.)])\s+")
_QUOTED = re.compile(r"^(?:>\s+)+|^>$")

# Inside a block.
_LINK = re.compile(r"""\[((?:[^\[\]\\]|\\.)*)\](?:\([^()\s]*(?:\s+"[^"]*")?\)|\[[^\[\]]*\])""")
_FIGURE_REFERENCE = re.compile(
    r"\s*\((?:see\b|also\b|and\b|or\b|[,;\s]|\\\[link\\\](?:\*\*\w(?:[-–,]\w)*\*\*)?)*\\\[link\\\][^()]{0,12}\)"
)
_EMPHASIS = re.compile(
    r"(?<!\\)(\*{1,3})(?=[^\s*])(.+?)(?<=[^\s*\\])\1|(?<![\w\\])(_{1,3})(?=[^\s_])(.+?)(?<=[^\s_\\])\3(?!\w)"
)
_CODE = re.compile(r"(`+)(.+?)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def read_markdown(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    without: Collection[str] = LEFT_OUT,
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document a file, with a section a heading; headings in `without` (lower case) are left out.

    In a folder, a broken file is passed over; `left_out` is told of it, and of documents without text.

    Raises:
        KnowledgeError: The path is missing, empty, or not UTF-8 text.
    """
    yield from read_each(
        path,
        SUFFIXES,
        lambda file, name: [_document(file, name, source, license, without)],
        left_out,
    )


def _document(file: Path, name: str, source: str, license_: str, without: Collection[str]) -> Document:
    text = read_text(file).replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    found = _TITLE.search(front[1]) if front else None
    blocks = list(_blocks(_simplified(text[front.end() :] if front else text)))
    headings = (block.text for block in blocks if block.level)
    title = _words(found["title"]) if found else next(headings, file.stem)
    return Document(
        id=name,
        title=title,
        sections=tuple(sections_of(blocks, title=title, without=without)),
        source=source,
        license=license_,
    )


def _simplified(text: str) -> str:
    """The file without the markup that spans lines: what is left is headings, lists and paragraphs."""
    for pattern, replacement in _STRETCHES[:-1]:
        text = pattern.sub(replacement, text)
    text = _TABLE.sub(_table_rows, text)
    pattern, replacement = _STRETCHES[-1]
    return pattern.sub(replacement, text)


def _table_rows(table: re.Match[str]) -> str:
    tags = _STRETCHES[-1][0]
    rows = (
        [tags.sub(" ", cell) for cell in _TABLE_CELL.findall(row)] for row in _TABLE_ROW.findall(table[0])
    )
    lines = (" | ".join(" ".join(cell.split()) for cell in row) for row in rows)
    return "\n\n" + "\n\n".join(lines) + "\n\n"


def _blocks(text: str) -> Iterator[Block]:
    lines: list[str] = []
    for line in (*text.split("\n"), ""):
        stripped = _QUOTED.sub("", line.strip())
        heading = _HEADING.fullmatch(line)
        if len(lines) == 1 and _UNDERLINE.fullmatch(stripped):
            yield Block(_words(lines.pop()), 1 if stripped[0] == "=" else 2)
        elif heading is not None or not stripped or _RULE.fullmatch(stripped):
            yield from _paragraph(lines)
            lines = []
            if heading is not None:
                yield Block(_words(heading[2]), len(heading[1]))
        elif marker := _MARKER.match(stripped):
            yield from _paragraph(lines)
            lines = [stripped[marker.end() :]]
        elif stripped.startswith("|"):
            yield from _paragraph(lines)
            lines = [" | ".join(cell.strip() for cell in stripped.strip("|").split("|"))]
        elif lines and stripped.startswith(": "):  # a definition: the term stands on the line before
            lines[-1] += stripped
        else:
            lines.append(stripped)


def _paragraph(lines: list[str]) -> Iterator[Block]:
    if lines and (words := _words(" ".join(lines))):
        yield Block(words)


def _words(text: str) -> str:
    """The words of one block: links by their text, emphasis, tags and escapes resolved."""
    if "[" in text:
        text = _FIGURE_REFERENCE.sub("", _LINK.sub(r"\1", text))
    if "*" in text or "_" in text:
        for _ in range(2):  # bold within italics
            text = _EMPHASIS.sub(lambda found: found[2] or found[4], text)
    text = _TAG.sub("", _CODE.sub(r"\2", text))
    return " ".join(html.unescape(_ESCAPE.sub(r"\1", text)).split())
