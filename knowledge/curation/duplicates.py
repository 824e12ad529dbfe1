"""Concepts that ask the same: in like words, of one finding, or with the same answers in every report."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, groupby

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.lexicon import Lexicon
from knowledge.annotation.linking import link
from knowledge.annotation.table import AnnotationTable, Answer
from knowledge.concepts import ConceptBank
from knowledge.curation.checks import Finding, rank
from knowledge.screening import TextEncoder

FEWEST = 5
"""Reports of the rarer answer from which equal answers are more than chance."""


def near_duplicates(bank: ConceptBank, encoder: TextEncoder, *, similarity: float) -> Iterator[Finding]:
    """Pairs of questions whose vectors have at least this cosine, most similar first."""
    if len(bank) < 2:
        return
    vectors = encoder.encode([concept.question for concept in bank])
    cosine = np.triu(vectors @ vectors.T, k=1)
    pairs = np.argwhere(cosine >= similarity)
    for first, second in sorted(pairs.tolist(), key=lambda pair: -cosine[pair[0], pair[1]]):
        one, other = bank.concepts[first], bank.concepts[second]
        reason = (
            f"`{one.question}` and `{other.question}` have cosine similarity {cosine[first, second]:.2f}."
        )
        yield Finding("near_duplicate", _ordered(bank, (one.id, other.id)), reason)


def same_finding(bank: ConceptBank, lexicon: Lexicon) -> Iterator[Finding]:
    """Pairs that the lexicon reads as the same finding with the same qualities: reports answer them alike."""
    links = {concept.id: link(concept.question, lexicon) for concept in bank}
    keys = {
        name: (frozenset(each.findings), each.either, frozenset(each.modifiers), each.words)
        for name, each in links.items()
    }
    for first, second in combinations(bank.ids, 2):
        if keys[first] == keys[second]:
            asked = links[first].findings or tuple(sorted(links[first].words))
            reason = f"Both ask for {' and '.join(asked)} in the lexicon's terms."
            yield Finding("same_finding", _ordered(bank, (first, second)), reason)


def same_answers(bank: ConceptBank, tables: Iterable[AnnotationTable]) -> Iterator[Finding]:
    """Pairs that every report answers alike, with at least a few of either answer.

    Two concepts without a common decided report are not compared.
    """
    for table in tables:
        known = [name for name in table.concept_ids if name in set(bank.ids)]
        columns = {name: table.answer[:, table.concept_ids.index(name)] for name in known}
        ordered = sorted(known, key=lambda name: columns[name].tobytes())
        for _, group in groupby(ordered, key=lambda name: columns[name].tobytes()):
            yield from _pairs(bank, sorted(group, key=bank.ids.index), columns, table.annotator)


def _pairs(
    bank: ConceptBank, names: Sequence[str], columns: dict[str, NDArray[np.int8]], annotator: str
) -> Iterator[Finding]:
    yes, no = (int((columns[names[0]] == value).sum()) for value in (Answer.YES, Answer.NO))
    if min(yes, no) >= FEWEST:
        for pair in combinations(names, 2):
            reason = f"All {yes + no} reports that {annotator} could decide answer both alike ({yes} yes)."
            yield Finding("same_answers", _ordered(bank, pair), reason)


def _ordered(bank: ConceptBank, pair: tuple[str, str]) -> tuple[str, ...]:
    order = rank(bank)
    return tuple(sorted(pair, key=order.__getitem__))
