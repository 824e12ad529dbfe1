"""The prior as literature words it: how sentences that name a class speak of a concept.

No model is asked. A sentence that holds a concept's words and names a class votes for the pair, with the
opposite sign where one of the two is negated ("no ...", "argues against ...", "... over melanoma"). A class
declared `normal` also takes a vote against from each quote that describes the concept as a finding of
disease, a class declared `general` one in favor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept
from knowledge.passages import Passage
from knowledge.priors.prior import Prior
from knowledge.sentences import sentences
from knowledge.vocabulary import content_words, stems

NEGATES_CONCEPT = frozenset(stems("no not without absence absent lack lacks free never neither nor cannot"))
NEGATES_CLASS = frozenset(
    stems("against unlike no not rather over instead exclude seldom rarely less uncommon differ without than")
)
AFTER_CLASS = frozenset(stems("less unlikely uncommon rare seldom excluded"))
REACH_BEFORE, REACH_AFTER = 4, 3
FINDING_WEIGHT = 0.5
"""Of a quote that names no class: a sign is described because it points to disease, yet this is not said."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that names a class.

    Attributes:
        words: Stems in order.
        content: Content words.
        polarity: Of each class: +1 named, -1 named and negated, 0 not named.
    """

    words: list[str]
    content: frozenset[str]
    polarity: tuple[int, ...]


def corpus_prior(
    concepts: Iterable[Concept],
    classes: Sequence[ClassTerms],
    passages: Iterable[Passage],
    *,
    share: float = 0.75,
    threshold: float = 0.25,
) -> Prior:
    """Signs by class and concept.

    Each class is compared with the mean of the others: what speaks for one speaks against the rest.

    Args:
        concepts: Those of the bank, in order.
        classes: With their synonyms in the literature.
        passages: The literature.
        share: Share of a question's content words that a sentence must hold to vote on it.
        threshold: Smaller differences between the classes abstain.
    """
    concepts = tuple(concepts)
    voting = [each for passage in passages for each in _sentences(passage.text, classes)]
    votes = np.array([_votes(concept, classes, voting, share) for concept in concepts], dtype=np.float64)
    return signs_from_votes(votes.reshape(len(concepts), len(classes), 2), concepts, classes, threshold)


def signs_from_votes(
    votes: np.ndarray, concepts: Sequence[Concept], classes: Sequence[ClassTerms], threshold: float
) -> Prior:
    """From votes for and against, `(c, k, 2) float64`, to signs and agreement."""
    total = votes.sum(-1)
    balance = (votes[..., 0] - votes[..., 1]) / np.maximum(total, 1.0)  # (c, k)
    others = (balance.sum(1, keepdims=True) - balance) / max(len(classes) - 1, 1)
    net = (balance - others).T  # (k, c)
    sign = np.where(np.abs(net) >= threshold, np.sign(net), 0.0)
    with_class = votes[..., 0] + votes[..., 1][:, ::-1] if len(classes) == 2 else votes[..., 0]
    against = votes[..., 1] + votes[..., 0][:, ::-1] if len(classes) == 2 else votes[..., 1]
    agreeing = np.where(sign.T > 0, with_class, against)
    agreement = np.where(sign.T == 0, 0.0, agreeing / np.maximum(with_class + against, 1e-9)).T
    source = tuple(tuple("corpus" if value else "none" for value in row) for row in sign)
    return Prior(
        tuple(each.name for each in classes),
        tuple(each.id for each in concepts),
        sign.astype(np.float32),
        agreement.astype(np.float32),
        source,
    )


def _sentences(text: str, classes: Sequence[ClassTerms]) -> Iterable[Sentence]:
    for span in sentences(text):
        quote = text[span.start : span.end]
        polarity = class_polarity(quote, classes)
        if any(polarity):
            yield Sentence(stems(quote), content_words(quote), polarity)


def class_polarity(sentence: str, classes: Sequence[ClassTerms]) -> tuple[int, ...]:
    """For each class +1 where the sentence names it, -1 where it negates it, 0 where it does not name it."""
    words = stems(sentence)
    return tuple(_polarity(words, each.find(words)) for each in classes)


def _polarity(words: list[str], place: tuple[int, int] | None) -> int:
    if place is None:
        return 0
    before = words[max(0, place[0] - REACH_BEFORE) : place[0]]
    after = words[place[1] : place[1] + REACH_AFTER]
    return -1 if NEGATES_CLASS & set(before) or AFTER_CLASS & set(after) else 1


def concept_polarity(asked: frozenset[str], words: list[str]) -> int:
    """-1 where a sentence denies the concept, otherwise +1."""
    first = next((i for i, word in enumerate(words) if word in asked), 0)
    return -1 if NEGATES_CONCEPT & set(words[max(0, first - REACH_BEFORE) : first]) else 1


def _votes(
    concept: Concept, classes: Sequence[ClassTerms], voting: Sequence[Sentence], share: float
) -> list[tuple[float, float]]:
    """For and against each class."""
    asked = content_words(concept.question)
    votes = np.zeros((len(classes), 2))
    for sentence in voting:
        if asked and len(asked & sentence.content) >= share * len(asked):
            sign = concept_polarity(asked, sentence.words)
            for k, polarity in enumerate(sentence.polarity):
                if polarity:
                    votes[k, 0 if polarity * sign > 0 else 1] += 1
    for k, each in enumerate(classes):
        if each.normal or each.general:
            votes[k, 1 if each.normal else 0] += _as_finding(concept, classes)
    return [(float(yes), float(no)) for yes, no in votes]


def _as_finding(concept: Concept, classes: Sequence[ClassTerms]) -> float:
    """Votes of the quotes for a finding of disease; a quote about the normal class gives none."""
    normal = [k for k, each in enumerate(classes) if each.normal]
    total = 0.0
    for evidence in concept.evidence:
        polarity = class_polarity(evidence.quote, classes)
        if any(polarity[k] for k in normal):
            continue
        total += 1.0 if any(value > 0 for value in polarity) else FINDING_WEIGHT
    return total
