"""The prior as literature words it: how clauses that name a class speak of a concept.

No model is asked. A clause that holds a concept's words and names a class votes for the pair, with the
opposite sign where one of the two is negated ("no ...", "argues against ...", "... over melanoma").
Retracted articles and passages that speak to a model have no vote.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept
from knowledge.passages import Passage
from knowledge.priors.clauses import Clause, Clauses, concept_polarity
from knowledge.priors.prior import Prior
from knowledge.priors.support import Support, quoted

ASSUMED = 0.5
"""Agreement of a sign without votes."""
FINDING = 0.5
"""Weight against the normal class of a quote about no class at all: literature describes signs of disease."""


@dataclass(frozen=True, slots=True)
class CorpusPrior:
    """Signs, and the sentences that they are counted from."""

    prior: Prior
    support: tuple[Support, ...]


def corpus_prior(
    concepts: Iterable[Concept],
    classes: Sequence[ClassTerms],
    passages: Iterable[Passage],
    *,
    share: float = 0.8,
    threshold: float = 0.34,
) -> Prior:
    """The signs of `read_corpus` alone."""
    return read_corpus(concepts, classes, passages, share=share, threshold=threshold).prior


def read_corpus(
    concepts: Iterable[Concept],
    classes: Sequence[ClassTerms],
    passages: Iterable[Passage],
    *,
    share: float = 0.8,
    threshold: float = 0.34,
) -> CorpusPrior:
    """Signs by class and concept, with what speaks for and against each.

    Classes that are `normal` have their votes in common; `general` ones (any disease) have the same turned
    around. A concept on which no clause votes for either is taken for a finding of disease; a sign that rests
    on that alone is `assumed`. Every other class is a disease: what speaks for its rivals, the normal class
    and the other diseases, speaks against it. A general class is no rival, for it contains the disease.

    Args:
        concepts: Those of the bank, in order.
        classes: With their synonyms in the literature.
        passages: The literature.
        share: Share of a question's content words that a clause must hold to vote on it.
        threshold: A smaller balance of the votes, in [-1, 1], abstains.
    """
    concepts = tuple(concepts)
    camps = Camps(classes)
    clauses = Clauses(passages, classes)
    found = [list(_votes(concept, clauses, classes, share)) for concept in concepts]
    votes = np.array([camps.count(each, concept) for each, concept in zip(found, concepts, strict=True)])
    support = tuple(
        row for each, concept in zip(found, concepts, strict=True) for row in camps.support(each, concept)
    )
    prior = camps.prior(votes.reshape(len(concepts), len(camps.names), 2), concepts, threshold, support)
    return CorpusPrior(prior, support)


@dataclass(frozen=True, slots=True)
class Vote:
    """A clause that speaks of one class and one concept.

    Attributes:
        clause: What votes.
        place: Of the class that it names.
        speaks: +1 for the class, -1 against it.
    """

    clause: Clause
    place: int
    speaks: int


def _votes(concept: Concept, clauses: Clauses, classes: Sequence[ClassTerms], share: float) -> Iterator[Vote]:
    for clause in clauses.about(concept.question, share):
        sign = concept_polarity(concept.question, clause.words)
        for place, polarity in enumerate(clause.polarity):
            # a disease without the sign does not make the sign normal
            if polarity and not (classes[place].general and sign < 0):
                yield Vote(clause, place, polarity * sign)


class Camps:
    """Classes as sides that votes count for: the normal one, which the general one opposes, and diseases."""

    def __init__(self, classes: Sequence[ClassTerms]) -> None:
        self.classes = tuple(classes)
        self.normal = any(each.normal or each.general for each in classes)
        diseases = [each.name for each in classes if not (each.normal or each.general)]
        self.names = ["normal", *diseases] if self.normal else diseases
        # a sign of disease tells a disease from a normal class that is declared, not from `abnormal`
        self.rival = any(each.normal for each in classes)
        order = iter(range(int(self.normal), len(self.names)))
        self.side = [0 if each.normal or each.general else next(order) for each in classes]
        self.turn = [-1 if each.general else 1 for each in classes]

    def count(self, votes: Sequence[Vote], concept: Concept) -> NDArray[np.float64]:
        """For and against each side: `(sides, 2)`."""
        counted = np.zeros((len(self.names), 2))
        for vote in votes:
            speaks = vote.speaks * self.turn[vote.place]
            counted[self.side[vote.place], 0 if speaks > 0 else 1] += 1.0
        if self.rival and not counted[0].any():
            counted[0, 1] = FINDING * len(concept.evidence)
        return counted

    def support(self, votes: Sequence[Vote], concept: Concept) -> Iterator[Support]:
        """A row for each class that a vote counts for or against."""
        for place, each in enumerate(self.classes):
            voted = [(vote, speaks) for vote in votes if (speaks := self._speaks(vote, place))]
            for vote, speaks in voted:
                clause = vote.clause
                yield Support(
                    each.name,
                    concept.id,
                    speaks,
                    self.classes[vote.place].name,
                    clause.passage_id,
                    clause.start,
                    clause.sentence,
                    clause.text,
                )
            if self.rival and not any(self.side[vote.place] == 0 for vote in votes):
                yield from quoted([concept], [each.name], speaks=-1 if each.normal else 1)

    def _speaks(self, vote: Vote, place: int) -> int:
        """What a vote says of the class at a place; 0 where it does not count for it."""
        if self.side[vote.place] == self.side[place]:
            return vote.speaks * self.turn[vote.place] * self.turn[place]
        if self._fixed(place) or (self.side[vote.place] == 0 and self.normal and not self.rival):
            return 0
        return -vote.speaks * self.turn[vote.place]

    def _fixed(self, place: int) -> bool:
        return self.classes[place].normal or self.classes[place].general

    def prior(
        self,
        votes: NDArray[np.float64],
        concepts: Sequence[Concept],
        threshold: float,
        support: Sequence[Support],
    ) -> Prior:
        """From votes, `(c, sides, 2)`, to signs and agreement."""
        balance, total = (np.zeros((len(self.classes), len(concepts))) for _ in range(2))
        own = votes[..., 0] - votes[..., 1]
        for place, (side, turn) in enumerate(zip(self.side, self.turn, strict=True)):
            sides = [side] if self._fixed(place) else self._sides()
            rivals = [other for other in sides if other != side]
            against = own[:, rivals].mean(1) if rivals else 0.0
            balance[place] = turn * (own[:, side] - against)
            total[place] = votes[:, sides].sum((1, 2))
        strength = np.clip(balance / np.maximum(total, 1.0), -1.0, 1.0)
        sign = np.where(np.abs(strength) >= threshold, np.sign(strength), 0.0)
        # strength is (for - against) / all, so this is the share of the votes on the side of the sign
        agreement = np.where(sign == 0, 0.0, (1.0 + np.abs(balance) / np.maximum(total, 1e-9)) / 2.0)
        names = tuple(each.name for each in self.classes)
        counted = _counted(support, names, concepts)
        assumed = (sign != 0) & (counted == 0)
        agreement = np.where(assumed, ASSUMED, np.clip(agreement, 0.0, 1.0))
        source = np.where(sign == 0, "none", np.where(assumed, "assumed", "corpus"))
        return Prior(
            names,
            tuple(each.id for each in concepts),
            sign.astype(np.float32),
            agreement.astype(np.float32),
            tuple(map(tuple, source.tolist())),
            counted,
        )

    def _sides(self) -> list[int]:
        """Those that a disease is compared among."""
        return [side for side in range(len(self.names)) if side or self.rival or not self.normal]


def _counted(
    support: Sequence[Support], names: Sequence[str], concepts: Sequence[Concept]
) -> NDArray[np.int32]:
    """Clauses that vote in each cell, `(k, c)`; a quote that names no class is none."""
    row = {name: place for place, name in enumerate(names)}
    column = {each.id: place for place, each in enumerate(concepts)}
    votes = np.zeros((len(names), len(concepts)), np.int32)
    for each in support:
        votes[row[each.class_name], column[each.concept_id]] += bool(each.named)
    return votes
