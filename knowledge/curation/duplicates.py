"""Concepts that ask the same: in like words, of one finding, or with the same answers in every report."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

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
    """Groups that the lexicon reads as one finding with the same qualities: reports answer them alike."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for concept in bank:
        read = link(concept.question, lexicon)
        key = (frozenset(read.findings), read.either, frozenset(read.modifiers), read.words)
        groups.setdefault(key, []).append(concept.id)
    for names in groups.values():
        if len(names) > 1:
            read = link(bank[names[0]].question, lexicon)
            qualities = (*read.modifiers, *sorted(read.words if read.findings else ()))
            asked = " and ".join(read.findings or tuple(sorted(read.words)))
            narrowed = f" ({', '.join(qualities)})" if qualities else ""
            reason = f"In the lexicon's terms all ask for {asked}{narrowed}."
            yield Finding("same_finding", _ordered(bank, names), reason)


def same_answers(bank: ConceptBank, tables: Iterable[AnnotationTable]) -> Iterator[Finding]:
    """Groups that every report answers alike, with at least a few of either answer."""
    for table in tables:
        groups: dict[bytes, list[str]] = {}
        for place, name in enumerate(table.concept_ids):
            if name in set(bank.ids):
                groups.setdefault(table.answer[:, place].tobytes(), []).append(name)
        for answers, names in groups.items():
            column = np.frombuffer(answers, np.int8)
            yes, no = (int((column == value).sum()) for value in (Answer.YES, Answer.NO))
            if len(names) > 1 and min(yes, no) >= FEWEST:
                reason = (
                    f"All {yes + no} reports that {table.annotator} decided answer them alike ({yes} yes)."
                )
                yield Finding("same_answers", _ordered(bank, names), reason)


def _ordered(bank: ConceptBank, names: Sequence[str]) -> tuple[str, ...]:
    order = rank(bank)
    return tuple(sorted(names, key=order.__getitem__))
