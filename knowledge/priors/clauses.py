"""Clauses of the literature that name a class, and what they say of class and concept."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.class_terms import ClassTerms
from knowledge.instructions import looks_like_instructions
from knowledge.passages import Passage
from knowledge.sentences import sentences
from knowledge.vocabulary import content_words, stems

CLAUSE_END = re.compile(r";|\b(?:while|whereas|but|although|though)\b")
NEGATES_CONCEPT = frozenset(stems("no not without absence absent lack lacks free never neither nor cannot"))
DENIES = frozenset(stems("not never no cannot"))
NEGATES_CLASS = DENIES | frozenset(
    stems(
        "against unlike rather over instead exclude seldom rarely less uncommon differ without than otherwise"
    )
)
NEGATES_CLASS_AFTER = frozenset(stems("less unlikely uncommon rare seldom excluded"))
(ABNORMAL,) = stems("abnormal")
LINKS = frozenset(
    stems("favor suggest indicate mark sign feature point support mean reveal represent evidence")
)
"""Words between a sign and a class; what is negated before them is the sign, unless by `DENIES`."""
REACH_BEFORE, REACH_AFTER = 4, 3


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence that names a class.

    Attributes:
        passage_id: Where it stands.
        sentence: The whole sentence, verbatim.
        start: Character offset of the sentence in the passage.
        text: The clause, verbatim.
        words: Stems in order.
        content: Content words.
        polarity: Of each class: +1 named, -1 named and negated, 0 not named.
    """

    passage_id: str
    sentence: str
    start: int
    text: str
    words: list[str]
    content: frozenset[str]
    polarity: tuple[int, ...]


class Clauses:
    """Clauses by content word, so that a concept meets only those that hold words of its own."""

    def __init__(self, passages: Iterable[Passage], classes: Sequence[ClassTerms]) -> None:
        self._all = [clause for passage in passages for clause in _voting(passage, classes)]
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for place, clause in enumerate(self._all):
            for word in clause.content:
                self._by_word[word].append(place)

    def about(self, question: str, share: float) -> Iterator[Clause]:
        """Clauses that hold at least this share of the question's content words, in reading order."""
        asked = content_words(question)
        held = Counter(place for word in asked for place in self._by_word.get(word, ()))
        for place in sorted(held):
            if held[place] >= share * len(asked):
                yield self._all[place]


def _voting(passage: Passage, classes: Sequence[ClassTerms]) -> list[Clause]:
    """Clauses of a passage that may vote: none of a retracted article, nor of text that speaks to a model."""
    found = [] if passage.retracted else list(find_clauses(passage, classes))
    return [] if found and looks_like_instructions(passage.text) else found


def find_clauses(passage: Passage, classes: Sequence[ClassTerms]) -> Iterator[Clause]:
    """The clauses of a passage that name a class, negated or not."""
    for span in sentences(passage.text):
        sentence = passage.text[span.start : span.end]
        for text in CLAUSE_END.split(sentence):
            polarity = class_polarity(text, classes)
            if any(polarity):
                yield Clause(
                    passage.id,
                    sentence,
                    span.start,
                    text.strip(),
                    stems(text),
                    content_words(text),
                    polarity,
                )


def class_polarity(clause: str, classes: Sequence[ClassTerms]) -> tuple[int, ...]:
    """For each class +1 where the clause names it, -1 where it negates it, 0 where it does not name it."""
    words = stems(clause)
    # "... with normal heart size is abnormal" does not speak of the normal class
    mixed = ABNORMAL in words
    return tuple(0 if each.normal and mixed else _polarity(words, each.find(words)) for each in classes)


def concept_polarity(question: str, words: Sequence[str]) -> int:
    """-1 where a clause denies the concept before or among its words, otherwise +1."""
    asked = content_words(question)
    places = [i for i, word in enumerate(words) if word in asked]
    if not places:
        return 1
    near = set(words[max(0, places[0] - REACH_BEFORE) : places[-1]])
    return -1 if (NEGATES_CONCEPT & near).difference(stems(question)) else 1


def _polarity(words: list[str], place: tuple[int, int] | None) -> int:
    if place is None:
        return 0
    before = words[max(0, place[0] - REACH_BEFORE) : place[0]]
    after = words[place[1] : place[1] + REACH_AFTER]
    link = max((i for i, word in enumerate(before) if word in LINKS), default=None)
    if link is not None:
        denied = [
            word for word in words[max(0, place[0] - len(before) + link - 2) : place[0]] if word in DENIES
        ]
        before = denied + before[link:]
    return -1 if NEGATES_CLASS & set(before) or NEGATES_CLASS_AFTER & set(after) else 1
