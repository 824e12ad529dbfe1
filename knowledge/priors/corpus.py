"""The prior as literature words it: how clauses that name a class speak of a concept.

No model is asked. A clause that holds a concept's words and names a class votes for the pair, with the
opposite sign where one of the two is negated ("no ...", "argues against ...", "... over melanoma").
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept
from knowledge.passages import Passage
from knowledge.priors.prior import Prior
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
FINDING = 0.5
"""Weight against the normal class of a quote about no class at all: literature describes signs of disease."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence that names a class.

    Attributes:
        passage_id: Where it stands.
        words: Stems in order.
        content: Content words.
        polarity: Of each class: +1 named, -1 named and negated, 0 not named.
    """

    passage_id: str
    words: list[str]
    content: frozenset[str]
    polarity: tuple[int, ...]


def corpus_prior(
    concepts: Iterable[Concept],
    classes: Sequence[ClassTerms],
    passages: Iterable[Passage],
    *,
    share: float = 0.8,
    threshold: float = 0.34,
) -> Prior:
    """Signs by class and concept.

    The classes `normal` and `general` (any disease) take opposite votes. A concept on which no clause votes
    for either is taken for a finding of disease. Every other class is compared with the mean of the rest:
    what speaks for one of them speaks against its rivals.

    Args:
        concepts: Those of the bank, in order.
        classes: With their synonyms in the literature.
        passages: The literature.
        share: Share of a question's content words that a clause must hold to vote on it.
        threshold: A smaller balance of the votes, in [-1, 1], abstains.
    """
    concepts = tuple(concepts)
    voting: dict[str, list[Clause]] = {}
    for passage in passages:
        if found := list(_clauses(passage, classes)):
            voting[passage.id] = found
    shape = len(concepts), len(classes), 2
    votes = np.array([_votes(concept, classes, voting, share) for concept in concepts]).reshape(shape)
    return _prior(votes, concepts, classes, threshold)


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


def _clauses(passage: Passage, classes: Sequence[ClassTerms]) -> Iterable[Clause]:
    for span in sentences(passage.text):
        for text in CLAUSE_END.split(passage.text[span.start : span.end]):
            polarity = class_polarity(text, classes)
            if any(polarity):
                yield Clause(passage.id, stems(text), content_words(text), polarity)


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


def _votes(
    concept: Concept, classes: Sequence[ClassTerms], voting: Mapping[str, Sequence[Clause]], share: float
) -> NDArray[np.float64]:
    """For and against each class: `(k, 2) float64`."""
    asked = content_words(concept.question)
    votes = np.zeros((len(classes), 2))
    for clause in (each for clauses in voting.values() for each in clauses):
        if asked and len(asked & clause.content) >= share * len(asked):
            sign = concept_polarity(concept.question, clause.words)
            for k, polarity in enumerate(clause.polarity):
                # a disease without the sign does not make the sign normal
                if polarity and not (classes[k].general and sign < 0):
                    votes[k, 0 if polarity * sign > 0 else 1] += 1.0
    return _with_normal(votes, classes, quotes=len(concept.evidence))


def _with_normal(
    votes: NDArray[np.float64], classes: Sequence[ClassTerms], *, quotes: int
) -> NDArray[np.float64]:
    """Let `normal` and `general` share their votes, turned around; without any, count a finding."""
    normal = [k for k, each in enumerate(classes) if each.normal]
    general = [k for k, each in enumerate(classes) if each.general]
    both = votes[normal].sum(0) + votes[general][:, ::-1].sum(0)
    if normal and not both.any():
        both = np.array([0.0, FINDING * quotes])
    votes[normal], votes[general] = both, both[::-1]
    return votes


def _prior(
    votes: NDArray[np.float64], concepts: Sequence[Concept], classes: Sequence[ClassTerms], threshold: float
) -> Prior:
    """From votes, `(c, k, 2) float64`, to signs and agreement."""
    own = votes[..., 0] - votes[..., 1]
    rivals = (own.sum(1, keepdims=True) - own) / max(len(classes) - 1, 1)
    fixed = np.array([each.normal or each.general for each in classes])
    balance = np.where(fixed, own, own - rivals).T  # (k, c)
    total = np.where(fixed, votes.sum(-1), votes.sum((1, 2))[:, None] if len(concepts) else 0.0).T
    strength = np.clip(balance / np.maximum(total, 1.0), -1.0, 1.0)
    sign = np.where(np.abs(strength) >= threshold, np.sign(strength), 0.0)
    # strength is (for - against) / all, so this is the share of the votes on the side of the sign
    agreement = np.where(sign == 0, 0.0, (1.0 + np.abs(balance) / np.maximum(total, 1e-9)) / 2.0)
    return Prior(
        tuple(each.name for each in classes),
        tuple(each.id for each in concepts),
        sign.astype(np.float32),
        np.clip(agreement, 0.0, 1.0).astype(np.float32),
        tuple(tuple("corpus" if value else "none" for value in row) for row in sign),
    )
