"""What the sign of a concept rests on: by class its votes, and the sentences for and against."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from knowledge.concepts import ConceptBank
from knowledge.priors import Prior, Support, load_prior, load_support
from pipelines.bank_artifacts import SUPPORT
from pipelines.curation import OpenBank

SHOWN = 5
"""Sentences printed on each side."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that counts for or against a class.

    Attributes:
        quote: Verbatim.
        named: The class that it names; empty where it is the quote behind the question alone.
        passage_id: Where it stands.
        locator, license: Of the passage; empty where the literature no longer holds it.
        retracted: Whether the article was withdrawn.
    """

    quote: str
    named: str
    passage_id: str
    locator: str
    license: str
    retracted: bool


@dataclass(frozen=True, slots=True)
class SignBasis:
    """One class in the prior of the last run; `votes` is none where they were not counted."""

    class_name: str
    sign: float
    source: str
    votes: int | None
    agreement: float
    speaking_for: tuple[Sentence, ...]
    speaking_against: tuple[Sentence, ...]


def sign_bases(opened: OpenBank, names: set[str]) -> tuple[SignBasis, ...]:
    """By class, for the concept with any of the ids; nothing before the prior."""
    path, support = opened.run.path("prior.csv"), opened.run.path(SUPPORT)
    bank = opened.run.path("concepts.jsonl")
    if not (path.is_file() and bank.is_file()):
        return ()
    classes = [item.name for item in opened.run.config.classes]
    prior = load_prior(path, classes=classes, bank=ConceptBank.load(bank))
    columns = [column for column, each in enumerate(prior.concept_ids) if each in names]
    rows = load_support(support) if support.is_file() else ()
    return tuple(
        _basis(opened, prior, (k, column), [row for row in rows if row.concept_id in names])
        for column in columns[:1]
        for k in range(len(classes))
    )


def basis_lines(bases: Iterable[SignBasis]) -> Iterator[str]:
    """As text: the counts of each class, then its sentences."""
    for each in bases:
        votes = "" if each.votes is None else f", {each.votes} vote{'s' * (each.votes != 1)}"
        sign = f"{each.sign:+g}" if each.sign else "abstains"
        yield f"{each.class_name} {sign} ({each.source}{votes}, agreement {each.agreement:.2f})"
        for word, side in (("for", each.speaking_for), ("against", each.speaking_against)):
            yield from (f"  {word}: {_sentence_text(sentence)}" for sentence in side[:SHOWN])
            if len(side) > SHOWN:
                yield f"  {word}: {len(side) - SHOWN} more in {SUPPORT}"


def _basis(opened: OpenBank, prior: Prior, cell: tuple[int, int], rows: Iterable[Support]) -> SignBasis:
    name = prior.classes[cell[0]]
    own = [row for row in rows if row.class_name == name and row.speaks]
    return SignBasis(
        name,
        float(prior.sign[cell]),
        prior.source[cell[0]][cell[1]],
        None if prior.votes is None else int(prior.votes[cell]),
        float(prior.agreement[cell]),
        tuple(_sentence(opened, row) for row in own if row.speaks > 0),
        tuple(_sentence(opened, row) for row in own if row.speaks < 0),
    )


def _sentence(opened: OpenBank, row: Support) -> Sentence:
    passage = opened.passages.get(row.passage_id)
    if passage is None:
        return Sentence(row.quote, row.named, row.passage_id, "", "", retracted=False)
    return Sentence(
        row.quote, row.named, row.passage_id, passage.locator, passage.license, retracted=passage.retracted
    )


def _sentence_text(sentence: Sentence) -> str:
    place = (sentence.locator, sentence.license, sentence.passage_id)
    assumed = "" if sentence.named else " (names no class)"
    withdrawn = " RETRACTED" if sentence.retracted else ""
    return f"{sentence.quote}{assumed} [{' · '.join(each for each in place if each)}]{withdrawn}"
