"""The concepts of a run as rows: question, quality, signs, and where each comes from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge.concepts import Concept, ConceptBank, Evidence
from knowledge.curation.lookup import by_prefix, short_ids
from knowledge.passages import Passage
from knowledge.priors.table import Override
from knowledge.quotes import missing_words
from knowledge.rejections import read_rejections
from models.features.table import FeatureTable
from models.grounding.grounder import Grounder
from pipelines.curation import OpenBank, open_run
from pipelines.run import Run

NO_SOURCE = "no quoted source"


@dataclass(frozen=True, slots=True)
class SignMark:
    """One sign; `source` is `expert`, `imported`, `corpus`, `assumed` or `language_model`."""

    class_name: str
    sign: float
    source: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quote with its place; `retracted` where its article was withdrawn."""

    quote: str
    passage_id: str
    locator: str
    source: str
    license: str
    retracted: bool


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """One concept in force.

    Attributes:
        id: Of the concept.
        short: What the commands also understand.
        question: As asked.
        origin: `literature`, `expert` or `imported`.
        auroc: Cross-validated; None where it was not learnt, or not in this wording.
        kept: Whether the classifier of the last run uses it.
        signs: By class.
        quotations: What it rests on.
        retracted: Whether any of them was withdrawn.
        unsupported: Words of the question (stems) that none of them holds.
        edited: Whether people changed or added it.
        formerly: Ids that it was made from.
    """

    id: str
    short: str
    question: str
    origin: str
    auroc: float | None
    kept: bool
    signs: tuple[SignMark, ...]
    quotations: tuple[Quotation, ...]
    retracted: bool
    unsupported: tuple[str, ...]
    edited: bool
    formerly: tuple[str, ...]

    @property
    def marks(self) -> str:
        """What a reader should notice, in words."""
        found = (
            ("retracted source", self.retracted),
            ("edited", self.edited and self.origin == "literature"),
            (self.origin, self.origin != "literature"),
            (NO_SOURCE, not self.quotations),
            (f"no quote says {' '.join(self.unsupported)}", bool(self.quotations and self.unsupported)),
        )
        return ", ".join(mark for mark, holds in found if holds)

    @property
    def where(self) -> str:
        """Place, source and licence of the first quotation."""
        if not self.quotations:
            return f"{NO_SOURCE}; licence unknown"
        first, more = self.quotations[0], len(self.quotations) - 1
        also = f" and {more} more" if more else ""
        return f"{first.locator} ({first.source}, {first.license}){also}"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One refused candidate with the test that it failed."""

    id: str
    question: str
    test: str
    reason: str
    quote: str


def concept_rows(opened: OpenBank) -> list[ConceptRow]:
    """Concepts in force, in the order of the bank."""
    quality, kept = quality_of(opened.run), kept_of(opened.run)
    short, touched = short_ids(opened.bank), touched_ids(opened)
    rows = []
    for concept in opened.bank:
        quotations = tuple(quotation(each, opened.passages.get(each.passage_id)) for each in concept.evidence)
        marks = [opened.signs.get((concept.id, name)) for name in opened.classes]
        rows.append(
            ConceptRow(
                id=concept.id,
                short=short[concept.id],
                question=concept.question,
                origin=concept.origin,
                auroc=quality.get(concept.id),
                kept=concept.id in kept,
                signs=tuple(sign_mark(each) for each in marks if each is not None),
                quotations=quotations,
                retracted=any(each.retracted for each in quotations),
                unsupported=tuple(
                    sorted(missing_words(concept.question, [each.quote for each in concept.evidence]))
                ),
                edited=bool({concept.id, *concept.formerly} & touched),
                formerly=concept.formerly,
            )
        )
    return rows


def sign_mark(sign: Override) -> SignMark:
    """Without the concept."""
    return SignMark(sign.class_name, sign.sign, sign.source)


def quotation(evidence: Evidence, passage: Passage | None) -> Quotation:
    """A quote with what its passage says of itself."""
    if passage is None:
        return Quotation(
            evidence.quote, evidence.passage_id, "passage not found", "", "unknown", retracted=False
        )
    return Quotation(
        quote=evidence.quote,
        passage_id=passage.id,
        locator=passage.locator,
        source=passage.source,
        license=passage.license,
        retracted=passage.retracted,
    )


def touched_ids(opened: OpenBank) -> set[str]:
    """Of concepts whose wording or quotations people changed, or that they added."""
    return {
        name
        for entry in opened.counting
        if entry.kind in {"edit", "merge", "add"}
        for name in entry.change.concept_ids
    }


def rejected_rows(directory: Path) -> list[RejectedRow]:
    """Refused candidates in the order tested."""
    run = open_run(directory)
    return [
        RejectedRow(
            id=item.concept.id,
            question=item.concept.question,
            test=item.verdicts[-1].test,
            reason=item.verdicts[-1].reason,
            quote=item.concept.evidence[0].quote if item.concept.evidence else "",
        )
        for item in read_rejections(run.path("rejected.jsonl"))
    ]


def rejected_concept(run: Run, prefix: str) -> Concept:
    """A refused candidate by its id or the beginning of it."""
    refused = {item.concept.id: item.concept for item in read_rejections(run.path("rejected.jsonl"))}
    return by_prefix(ConceptBank(tuple(refused.values())), prefix, of="the rejected candidates")


def quality_of(run: Run) -> dict[str, float]:
    """Cross-validated AUROC by concept; empty before grounding."""
    if not run.path("grounder").exists():
        return {}
    return {item.concept_id: round(item.auroc, 3) for item in Grounder.load(run.path("grounder")).quality}


def kept_of(run: Run) -> set[str]:
    """Concepts that the classifier uses; empty before scoring."""
    scores = run.path("scores")
    return set(FeatureTable.load(scores).columns) if scores.exists() else set()


def as_json(rows: Sequence[ConceptRow] | Sequence[RejectedRow]) -> list[dict[str, object]]:
    """Plain values."""
    return [asdict(row) for row in rows]
