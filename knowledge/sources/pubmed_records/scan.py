"""Cuts a PubMed XML file into its records as bytes, so that a broken one costs itself and nothing else.

A parser of the whole file would stop at the first fault, and would build authors, headings and references
that nobody asks for: cutting first makes both the isolation of bad records and most of the speed.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from knowledge.errors import KnowledgeError
from knowledge.sources.files import open_bytes

ARTICLES = ("PubmedArticle", "PubmedBookArticle")
DELETIONS = ("DeleteCitation", "DeleteDocument")

_BLOCK = 1 << 18
_LONGEST = 1 << 24  # a record above 16 MiB is a missing end tag; the largest real ones are a few MiB
_LINE_END = ord("\n")
_OPENING = 64  # no start tag of interest is longer, so that much of a block is kept for the next
_NAMES = b"|".join(name.encode() for name in (*ARTICLES, *DELETIONS))
_START = re.compile(rb"<(?:!--|!DOCTYPE|(" + _NAMES + rb")(?=[\s/>]))")
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_TEXT_ENCODING = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d|utf-16(?:-[lb]e)?")
_ALONE = re.compile(rb"<\w+\s*/>")
_HIDDEN = re.compile(rb"<!--|<!\[CDATA\[")
_ROOT = re.compile(rb"<(/?)\w*Set\b[^<>]*>")
_OUTSIDE = re.compile(rb"<\?[^<>]*\?>|" + _ROOT.pattern)


@dataclass(frozen=True, slots=True)
class Piece:
    """One article or deletion as it stands in the file; `tag` is empty for what belongs to none.

    Attributes:
        tag: Name of the element.
        xml: From its start tag to its end tag, in UTF-8.
        line: Where it begins.
        plain: No comment and no CDATA section is in it: every `<` begins a tag.
    """

    tag: str
    xml: bytes
    line: int
    plain: bool = True


def pieces(file: Path) -> Iterator[Piece]:
    """Each article and deletion in file order; what stands between them and is not white space, too.

    Comments are passed over, and so is the document type with all entities that it declares.

    Raises:
        KnowledgeError: The file cannot be read, ends within a record, or is not PubMed XML; what stands
            before the damage has been yielded by then.
    """
    try:
        with open_bytes(file) as stream:
            yield from _Scanner(file, stream).pieces()
    except (EOFError, OSError, zlib.error) as error:
        raise KnowledgeError(f"{file} cannot be read to its end ({error}): fetch the file again.") from error


class _Scanner:
    """The part of the file in memory (`held`), how far it is read (`at`), and the line there."""

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        self.file = file
        self.blocks = _utf8(file, stream)
        self.held = b""
        self.at = 0
        self.line = 1
        self.roots = 0
        self.closed = False
        self.found = False

    def pieces(self) -> Iterator[Piece]:
        while (start := self._start()) is not None:
            yield from self._between(start.start())
            if start[0] == b"<!--":
                self._skip(b"-->")
            elif start[1] is None:
                self._skip_document_type()
            else:
                self.found = True
                yield self._element(start[1])
        yield from self._between(len(self.held))
        if not self.roots and not self.found:
            raise KnowledgeError(
                f"{self.file} is not PubMed XML (no PubmedArticleSet and no record in it): "
                "correct the path, or fetch the file again."
            )
        if self.roots and not self.closed:
            raise KnowledgeError(
                f"{self.file} line {self.line} is not well-formed XML "
                "(the file ends before its PubmedArticleSet does): fetch the file again."
            )

    def _more(self) -> bool:
        """Another block; what has been read goes."""
        block = next(self.blocks, b"")
        self.held = self.held[self.at :] + block
        self.at = 0
        return bool(block)

    def _start(self) -> re.Match[bytes] | None:
        """The next start tag; what is passed on the way stays in `held` until it has been looked at."""
        searched = self.at
        while True:
            if found := _START.search(self.held, searched):
                return found
            behind = len(self.held) - self.at
            if behind > _LONGEST:
                raise KnowledgeError(
                    f"{self.file} line {self.line} is followed by {behind:,} bytes without a PubMed record: "
                    "correct the path, or fetch the file again."
                )
            if not self._more():
                return None
            searched = max(0, behind - _OPENING)

    def _pass(self, end: int) -> bytes:
        passed = self.held[self.at : end]
        self.line += int(np.count_nonzero(np.frombuffer(passed, np.uint8) == _LINE_END))  # 4 x bytes.count
        self.at = end
        return passed

    def _between(self, end: int) -> Iterator[Piece]:
        line = self.line
        text = self._pass(end)
        if not text.strip():
            return
        for root in _ROOT.finditer(text):
            self.closed = bool(root[1])
            self.roots += 1
        if rest := _OUTSIDE.sub(b"", text).strip():
            yield Piece("", rest, line)

    def _find(self, mark: bytes, skipped: int = 0) -> int:
        """Where `mark` ends that begins `skipped` bytes from here or later; -1 where there is none."""
        while True:
            found = self.held.find(mark, self.at + skipped)
            if found >= 0:
                return found + len(mark)
            behind = len(self.held) - self.at
            if behind > _LONGEST or not self._more():
                return -1
            skipped = max(skipped, behind - len(mark))

    def _skip(self, end: bytes) -> None:
        found = self._find(end)
        if found < 0:
            raise self._unfinished()
        self._pass(found)

    def _skip_document_type(self) -> None:
        self._find(b">")
        while (found := _DOCTYPE.match(self.held, self.at)) is None:
            if len(self.held) - self.at > _LONGEST or not self._more():
                raise self._unfinished()
        self._pass(found.end())

    def _element(self, tag: bytes) -> Piece:
        if alone := _ALONE.match(self.held, self.at):
            return Piece(tag.decode(), self._pass(alone.end()), self.line)
        line = self.line
        end = self._end(tag)
        hidden = self.held.find(b"!", self.at, end) >= 0 and self.held.find(b"<!", self.at, end) >= 0
        if hidden:
            end = self._end_behind_comments(b"</" + tag + b">")
        return Piece(tag.decode(), self._pass(end), line, plain=not hidden)

    def _end(self, tag: bytes) -> int:
        """Where the element ends; with its end tag missing, where the next one begins."""
        end = self._find(
            tag + b">", len(tag) + 1
        )  # one search finds the end tag and the next start tag alike
        mark = end - len(tag) - 1
        if end >= 0 and self.held[mark - 2 : mark] == b"</":
            return end
        following = _START.search(self.held, self.at + 1)
        if following is not None and (end < 0 or following.start() == mark - 1):
            return following.start()
        end = self._find(b"</" + tag + b">", 0)
        if end < 0:
            raise self._unfinished()
        return end

    def _end_behind_comments(self, mark: bytes) -> int:
        """The first end tag that stands in no comment and in no CDATA section, or the first of all."""
        first = self._find(mark, 0)
        if first < 0:
            raise self._unfinished()
        searched, end = 0, first - self.at  # relative to `at`, which moves when more is read
        while hidden := _HIDDEN.search(self.held, self.at + searched, self.at + end):
            closing = b"-->" if hidden[0] == b"<!--" else b"]]>"
            closed = self._find(closing, hidden.end() - self.at) - self.at
            behind = self._find(mark, closed) - self.at if closed > 0 else -1
            if behind < 0:
                break
            searched, end = closed, behind
        return self.at + end

    def _unfinished(self) -> KnowledgeError:
        return KnowledgeError(
            f"{self.file} line {self.line} is not well-formed XML (what begins here never ends): "
            "fetch the file again."
        )


def _utf8(file: Path, stream: BinaryIO) -> Iterator[bytes]:
    """The file block by block, recoded where it declares another encoding."""
    first = stream.read(_BLOCK)
    encoding = _encoding(file, first)
    blocks = _blocks(first, stream)
    if encoding in {"utf-8", "ascii"}:
        yield next(blocks).removeprefix(codecs.BOM_UTF8)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            if recoded := decoder.decode(block).encode():
                yield recoded
    except UnicodeError as error:
        raise KnowledgeError(
            f"{file} is not {encoding} as it declares ({error}): save it as UTF-8."
        ) from error


def _blocks(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    yield first
    while block := stream.read(_BLOCK):
        yield block


def _encoding(file: Path, first: bytes) -> str:
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    declared = _DECLARED.match(first.removeprefix(codecs.BOM_UTF8))
    name = declared[1].decode() if declared else "utf-8"
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        encoding = ""
    if not _TEXT_ENCODING.fullmatch(encoding):
        raise KnowledgeError(f"{file} declares the encoding {name!r}: save it as UTF-8.")
    return encoding
