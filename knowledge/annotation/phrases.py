"""Phrase patterns over stems, and finding all of them in a sentence in one pass.

A phrase is written in plain words: `heart|cardiac silhouette? ..3 enlarged`. Words are compared by stem;
`a|b` is either word, `word?` may be absent, `..3` skips up to three words of the same clause, `,,3` may skip
commas as well, `<>3` is `..3` with its two sides in either order, and `{name}` stands for a word class of
the file.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from knowledge.annotation.report_text import Sentence
from knowledge.annotation.stemming import stem
from knowledge.errors import KnowledgeError

_CLAUSE = r"(?:(?!(?:[,;]|but|however|although) )[^ ]+ )"
_CLAUSE_OR_COMMA = r"(?:(?!(?:;|but|however|although) )[^ ]+ )"
_GAP = re.compile(r"^(\.\.|,,)(\d+)$")
_EITHER_ORDER = re.compile(r"^<>(\d+)$")


@dataclass(frozen=True, slots=True)
class Match:
    """One place where a phrase stands.

    Attributes:
        key: What the phrase stands for.
        start: Index of the first token.
        end: Index after the last token.
        words: Stems that the phrase names; a token of the span that is not among them was skipped.
        contiguous: False where the phrase may skip words.
    """

    key: str
    start: int
    end: int
    words: frozenset[str]
    contiguous: bool


@dataclass(frozen=True, slots=True)
class _Pattern:
    key: str
    anchors: frozenset[str]
    words: frozenset[str]
    search: re.Pattern[str]
    contiguous: bool


class PhraseIndex:
    """All phrases of a vocabulary, found in one pass over a sentence.

    Each pattern is filed under the words of one obligatory slot; only patterns with such a word are tried.
    """

    def __init__(
        self, phrases: Iterable[tuple[str, str]], *, classes: Mapping[str, str] | None = None
    ) -> None:
        self._by_anchor: dict[str, list[_Pattern]] = defaultdict(list)
        for key, phrase in phrases:
            for pattern in _compile(key, phrase, classes or {}):
                for anchor in pattern.anchors:
                    self._by_anchor[anchor].append(pattern)

    def find(self, sentence: Sentence) -> list[Match]:
        """Every match of every phrase, overlapping ones included, in order of position."""
        tried: set[int] = set()
        matches: list[Match] = []
        starts: list[int] = []
        for word in sentence.stems:
            for pattern in self._by_anchor.get(word, ()):
                if id(pattern) in tried:
                    continue
                tried.add(id(pattern))
                starts = starts or _token_starts(sentence)
                for first, last in _occurrences(pattern.search, sentence.line):
                    start, end = bisect_left(starts, first), bisect_left(starts, last)
                    matches.append(Match(pattern.key, start, end, pattern.words, pattern.contiguous))
        return sorted(matches, key=lambda match: (match.start, match.end, match.key))


def phrase_words(phrase: str, classes: Mapping[str, str]) -> frozenset[str]:
    """Stems that a phrase names."""
    items = (
        item
        for item in _fill(phrase, classes).split()
        if not _GAP.match(item) and not _EITHER_ORDER.match(item)
    )
    return frozenset(stem(word) for item in items for word in item.removesuffix("?").lower().split("|"))


def _occurrences(search: re.Pattern[str], line: str) -> Iterator[tuple[int, int]]:
    found = search.search(line)
    while found:
        yield found.start() + 1, found.end()
        found = search.search(line, found.start() + 1)


def _token_starts(sentence: Sentence) -> list[int]:
    starts, position = [], 1
    for word in sentence.stems:
        starts.append(position)
        position += len(word) + 1
    return [*starts, position]


def _compile(key: str, phrase: str, classes: Mapping[str, str]) -> Iterator[_Pattern]:
    items = _fill(phrase, classes).split()
    turn = next((i for i, item in enumerate(items) if _EITHER_ORDER.match(item)), None)
    if turn is None:
        yield _pattern(key, items, phrase)
        return
    gap = f"..{items[turn][2:]}"
    before, after = items[:turn], items[turn + 1 :]
    yield _pattern(key, [*before, gap, *after], phrase)
    yield _pattern(key, [*after, gap, *before], phrase)


def _fill(phrase: str, classes: Mapping[str, str]) -> str:
    def words(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in classes:
            raise KnowledgeError(
                f"the lexicon phrase {phrase!r} names the word class {name!r}; define it under [classes]"
            )
        return classes[name]

    return re.sub(r"\{(\w+)\}", words, phrase)


def _pattern(key: str, items: list[str], phrase: str) -> _Pattern:
    pieces: list[str] = []
    needed: list[frozenset[str]] = []
    named: set[str] = set()
    for item in items:
        gap = _GAP.match(item)
        if gap:
            any_word = _CLAUSE if gap.group(1) == ".." else _CLAUSE_OR_COMMA
            pieces.append(f"{any_word}{{0,{gap.group(2)}}}?")
            continue
        words = frozenset(stem(word) for word in item.removesuffix("?").lower().split("|"))
        named |= words
        piece = f"(?:{'|'.join(re.escape(word) for word in sorted(words))}) "
        pieces.append(f"(?:{piece})?" if item.endswith("?") else piece)
        if not item.endswith("?"):
            needed.append(words)
    if not needed:
        raise KnowledgeError(f"the lexicon phrase {phrase!r} has no obligatory word; remove a question mark")
    anchors = min(needed, key=lambda words: (len(words), -max(map(len, words))))
    contiguous = not any(_GAP.match(item) for item in items)
    return _Pattern(key, anchors, frozenset(named), re.compile(" " + "".join(pieces)), contiguous)
