"""Cuts a report into the sentences that state findings, each as words and stems."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from knowledge.annotation.data_files import data
from knowledge.annotation.stemming import stem

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?|[,;:()/]")
_ABBREVIATION = r"(?<!\bDr)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\bFig)(?<!\bapprox)(?<!\bca)"
_BREAK = re.compile(rf"{_ABBREVIATION}[.!?]+(?=\s|$|[A-Z])|\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)]))")
_NOT_FINDINGS: list[str] = data("english")["headings_without_findings"]
_FINDINGS: list[str] = data("english")["headings_with_findings"]
_KNOWN = "|".join(sorted((*_NOT_FINDINGS, *_FINDINGS), key=len, reverse=True))
_HEADING = re.compile(rf"(?:^|(?<=[\s.]))(?:((?i:{_KNOWN}))|([A-Z][A-Z /&]{{3,40}}))\s*:")
_ONE_WORD = {tuple(words.split()): words.replace(" ", "") for words in data("english")["one_word"]}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in lower case.

    Attributes:
        stems: Stems of the words; commas, semicolons, colons, brackets and slashes are tokens too.
        line: The stems between single blanks, with a blank at both ends, for phrase search.
    """

    stems: tuple[str, ...]
    line: str


@lru_cache(maxsize=65536)
def read_sentence(text: str) -> Sentence:
    """Words and stems of one sentence."""
    stems = tuple(stem(word) for word in _joined(_WORD.findall(text.lower())))
    return Sentence(stems, f" {' '.join(stems)} ")


def _joined(words: list[str]) -> Iterator[str]:
    """Words with two-word spellings (`air space`) made one."""
    i = 0
    while i < len(words):
        compound = _ONE_WORD.get((words[i], words[i + 1])) if i + 1 < len(words) else None
        yield compound or words[i]
        i += 2 if compound else 1


def finding_sentences(text: str) -> Iterator[Sentence]:
    """Sentences of all sections but history, indication, comparison and technique."""
    for piece in finding_texts(text):
        yield read_sentence(piece)


def finding_texts(text: str) -> tuple[str, ...]:
    """The same sentences as written."""
    pieces = (piece.strip() for part in _finding_parts(text) for piece in _BREAK.split(part))
    return tuple(piece for piece in pieces if any(character.isalpha() for character in piece))


def _finding_parts(text: str) -> Iterator[str]:
    """Text under headings that report findings; another heading in capitals ends what is skipped."""
    start, skipping = 0, False
    for match in _HEADING.finditer(text):
        known = match.group(1)
        if known is None and not skipping:
            continue
        if not skipping:
            yield text[start : match.start()]
        start = match.start() if known is None else match.end()
        skipping = known is not None and known.lower() in _NOT_FINDINGS
    if not skipping:
        yield text[start:]
