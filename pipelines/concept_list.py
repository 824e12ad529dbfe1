"""The concepts of a run as rows: question, quality, signs, and where each comes from."""

from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge.concepts import ConceptBank
from knowledge.passages import read_passages
from knowledge.priors import load_prior
from knowledge.rejections import read_rejections
from models.feature_table import FeatureTable
from models.grounder import Grounder
from pipelines.run import Run
from pipelines.status import open_finished


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """One accepted concept; `auroc` is None where it could not be learnt, `signs` reads `class +1, ...`."""

    id: str
    question: str
    auroc: float | None
    kept: bool
    signs: str
    quote: str
    passage_id: str
    locator: str
    source: str
    license: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One refused candidate with the test that it failed."""

    id: str
    question: str
    test: str
    reason: str
    quote: str


def concept_rows(directory: Path) -> list[ConceptRow]:
    """Accepted concepts in the order of the bank."""
    run = open_finished(directory)
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    passages = {passage.id: passage for passage in read_passages(run.path("passages.jsonl"))}
    quality, kept, signs = quality_of(run), kept_of(run), signs_of(run, bank)
    rows = []
    for concept in bank:
        evidence = concept.evidence[0]
        passage = passages[evidence.passage_id]
        rows.append(
            ConceptRow(
                id=concept.id,
                question=concept.question,
                auroc=quality.get(concept.id),
                kept=concept.id in kept,
                signs=signs.get(concept.id, ""),
                quote=evidence.quote,
                passage_id=passage.id,
                locator=passage.locator,
                source=passage.source,
                license=passage.license,
            )
        )
    return rows


def rejected_rows(directory: Path) -> list[RejectedRow]:
    """Refused candidates in the order tested."""
    run = open_finished(directory)
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


def quality_of(run: Run) -> dict[str, float]:
    """Cross-validated AUROC by concept; empty before grounding."""
    if not run.path("grounder").exists():
        return {}
    return {item.concept_id: round(item.auroc, 3) for item in Grounder.load(run.path("grounder")).quality}


def kept_of(run: Run) -> set[str]:
    """Concepts that the classifier uses; empty before scoring."""
    scores = run.path("scores.npz")
    return set(FeatureTable.load(scores).columns) if scores.exists() else set()


def signs_of(run: Run, bank: ConceptBank) -> dict[str, str]:
    """Signs of each concept in words; empty before the prior."""
    if not run.path("prior.csv").exists():
        return {}
    names = [item.name for item in run.config.classes]
    prior = load_prior(run.path("prior.csv"), classes=names, bank=bank)
    return {
        concept: ", ".join(
            f"{name} {prior.sign[row, column]:+.0f}"
            for row, name in enumerate(names)
            if prior.sign[row, column]
        )
        for column, concept in enumerate(prior.concept_ids)
    }


def as_json(rows: list[ConceptRow] | list[RejectedRow]) -> list[dict[str, object]]:
    """Plain values."""
    return [asdict(row) for row in rows]
