"""Concepts as a reader checks them: the question, how well it is seen, what it speaks for, who says so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from knowledge.concepts import Concept, Evidence
from knowledge.passages import Passage
from knowledge.priors import Prior
from pipelines.report.input import ConceptWeights, GrounderQuality, ReportInput
from pipelines.report.tracks import UNIT, Dot, dot
from pipelines.report.wording import NOT_ESTIMABLE, interval, number, plain, signed

PUBMED_ID = re.compile(r"\bpmid[:\s]*(\d{1,9})\b", re.IGNORECASE)
UNREAD = "The passage is not part of this run."
MISQUOTED = "The quote was not found word for word in its passage."
CONTEXT = 200
"""Characters shown on either side of a quote from an abstract."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quote with the passage around it.

    Attributes:
        before, quote, after: The passage in three parts; only `quote` where it is not verbatim.
        title, source, locator, license: Where it is found, and under what terms.
        link: The article in PubMed; empty for anything else.
        retracted: Whether the article was retracted.
        problem: Why the quote cannot be shown in place; empty when it can.
    """

    before: str
    quote: str
    after: str
    title: str
    source: str
    locator: str
    license: str
    link: str
    retracted: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Leaning:
    """What a concept says about one class.

    Attributes:
        sign: `+`, `−`, or `0` where the prior abstains.
        kind: `for`, `against` or `abstains`, for colour.
        basis: Strength, agreement and source of the sign, in words.
        weight: Mean learned weight over the splits with this class; empty where there is none.
    """

    class_name: str
    sign: str
    kind: str
    basis: str
    weight: str


@dataclass(frozen=True, slots=True)
class ConceptView:
    """One row of the concept table, with its evidence."""

    id: str
    question: str
    query: str
    kept: bool
    auroc: str
    interval: str
    track: Dot | None
    counts: str
    balanced_accuracy: str
    leanings: tuple[Leaning, ...]
    quotations: tuple[Quotation, ...]
    influence: float

    @property
    def retracted(self) -> bool:
        """Whether any of its evidence comes from a retracted article."""
        return any(quotation.retracted for quotation in self.quotations)


def concept_views(report: ReportInput) -> list[ConceptView]:
    """All accepted concepts, those with the largest weights first."""
    quality = {item.concept_id: item for item in report.quality}
    views = [concept_view(report, concept, quality.get(concept.id)) for concept in report.bank.concepts]
    return sorted(views, key=lambda view: (-view.influence, view.question, view.id))


def concept_view(report: ReportInput, concept: Concept, quality: GrounderQuality | None) -> ConceptView:
    """One concept with everything known of it."""
    return ConceptView(
        id=concept.id,
        question=concept.question,
        query=concept.query,
        kept=quality is not None and quality.kept,
        auroc=number(quality.auroc, digits=2) if quality else NOT_ESTIMABLE,
        interval=interval(quality.low, quality.high, digits=2) if quality else "",
        track=dot(UNIT, quality.auroc, quality.low, quality.high) if quality else None,
        counts=f"{quality.n_yes:,} yes, {quality.n_no:,} no" if quality else "not annotated",
        balanced_accuracy=number(quality.balanced_accuracy, digits=2) if quality else NOT_ESTIMABLE,
        leanings=leanings(report, concept.id),
        quotations=tuple(quotation(evidence, report.passages) for evidence in concept.evidence),
        influence=influence(report.weights, concept.id),
    )


def quotation(evidence: Evidence, passages: Mapping[str, Passage]) -> Quotation:
    """The quote in its passage; a quote that is not where it should be is shown alone and said to be so."""
    passage = passages.get(evidence.passage_id)
    if passage is None:
        return Quotation(
            "", evidence.quote, "", "", "", evidence.passage_id, "", "", retracted=False, problem=UNREAD
        )
    end = evidence.start + len(evidence.quote)
    verbatim = passage.text[evidence.start : end] == evidence.quote
    match = PUBMED_ID.search(f"{passage.locator} {passage.id}")
    before, after = passage.text[: evidence.start], passage.text[end:]
    if match:  # an abstract may be its publisher's: no more of it is shown than a reader needs
        before, after = last_words(before), first_words(after)
    return Quotation(
        before=before if verbatim else "",
        quote=evidence.quote,
        after=after if verbatim else "",
        title=passage.title,
        source=passage.source,
        locator=passage.locator,
        license=passage.license,
        link=f"https://pubmed.ncbi.nlm.nih.gov/{match[1]}/" if match else "",
        retracted=passage.retracted,
        problem="" if verbatim else MISQUOTED,
    )


def first_words(text: str) -> str:
    """The beginning of a longer text, whole words."""
    return text if len(text) <= CONTEXT else f"{text[:CONTEXT].rpartition(' ')[0]} …"


def last_words(text: str) -> str:
    """The end of a longer text, whole words."""
    return text if len(text) <= CONTEXT else f"… {text[-CONTEXT:].partition(' ')[2]}"


def leanings(report: ReportInput, concept_id: str) -> tuple[Leaning, ...]:
    """One for each class of the prior."""
    if concept_id not in report.prior.concept_ids:
        return tuple(Leaning(plain(c), "0", "abstains", "no sign", "") for c in report.prior.classes)
    column = report.prior.concept_ids.index(concept_id)
    return tuple(
        leaning(report.prior, row, column, mean_weight(report.weights, name, concept_id))
        for row, name in enumerate(report.prior.classes)
    )


def leaning(prior: Prior, row: int, column: int, weight: float | None) -> Leaning:
    """The sign of one cell, with where it comes from."""
    sign, agreement = float(prior.sign[row, column]), float(prior.agreement[row, column])
    origin = plain(prior.source[row][column])
    kind, mark = ("for", "+") if sign > 0 else ("against", "−") if sign < 0 else ("abstains", "0")
    basis = f"{origin}, sign {signed(sign, digits=2)}, agreement {number(agreement, digits=2)}"
    return Leaning(
        plain(prior.classes[row]),
        mark,
        kind,
        basis if origin != "none" else "no sign",
        "" if weight is None else signed(weight, digits=2),
    )


def mean_weight(weights: tuple[ConceptWeights, ...], class_name: str, concept_id: str) -> float | None:
    """Over the splits that have this class and this concept."""
    found = [
        float(w.values[w.classes.index(class_name), w.concept_ids.index(concept_id)])
        for w in weights
        if class_name in w.classes and concept_id in w.concept_ids
    ]
    return float(np.mean(found)) if found else None


def influence(weights: tuple[ConceptWeights, ...], concept_id: str) -> float:
    """How far a concept pulls the classes apart: largest minus smallest weight, mean over the splits."""
    columns = [w.values[:, w.concept_ids.index(concept_id)] for w in weights if concept_id in w.concept_ids]
    return float(np.mean([float(np.ptp(column)) for column in columns])) if columns else 0.0
