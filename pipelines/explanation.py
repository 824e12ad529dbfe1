"""One prediction of a finished run as a sum of concepts, each with the sentence it rests on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.concepts import Concept, ConceptBank, Evidence
from knowledge.passage_file import PassageFile
from knowledge.passages import Passage
from models.bottleneck import Contribution
from pipelines.status import open_finished
from pipelines.what_if.asked_split import asked_split
from pipelines.what_if.heads import load_heads, open_scores, require_heads, require_image, split_names


@dataclass(frozen=True, slots=True)
class Quotation:
    """A concept's question and the first quotation behind it, the same for every image.

    `retracted` says that the article it is quoted from was withdrawn.
    """

    question: str
    quote: str
    passage_id: str
    locator: str
    source: str
    license: str
    retracted: bool

    @property
    def place(self) -> str:
        """Where the quote stands, and under what terms."""
        return f"{self.locator} · {self.source} · {self.license}" + " · RETRACTED" * self.retracted

    @classmethod
    def of(cls, concept: Concept, passages: Mapping[str, Passage]) -> "Quotation":
        """That of a concept, where it has one."""
        evidence = concept.evidence[0] if concept.evidence else None
        passage = passages.get(evidence.passage_id) if evidence is not None else None
        return cls(
            question=concept.question,
            quote=evidence.quote if evidence is not None else "",
            passage_id=passage.id if passage is not None else "",
            locator=place_of(evidence, passages),
            source=passage.source if passage is not None else concept.origin,
            license=passage.license if passage is not None else "unknown",
            retracted=passage is not None and passage.retracted,
        )


@dataclass(frozen=True, slots=True)
class ExplainedConcept:
    """One summand: `amount` = (`score` - `usual`) x `weight`, with the evidence behind the question."""

    contribution: Contribution
    quotation: Quotation

    def as_json(self) -> dict[str, Any]:
        """Plain values, on one level."""
        return asdict(self.contribution) | asdict(self.quotation)


@dataclass(frozen=True, slots=True)
class ImageExplanation:
    """What KnoBo (first seed) says of an image, the largest contributions first.

    Attributes:
        image, split: Which, and whose classifier.
        part: Of the split that the image is in; none where the split does not have it.
        sentence: What that means for the answer.
        predicted, probability: The class.
        contributions: Of the concepts.
    """

    image: str
    split: str
    part: str | None
    sentence: str
    predicted: str
    probability: float
    contributions: tuple[ExplainedConcept, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"contributions": [each.as_json() for each in self.contributions]}


def explain_image(directory: Path, image: str, *, split: str | None = None) -> ImageExplanation:
    """Explains the class that KnoBo gives an image.

    Raises:
        PipelineError: No such image or split in the run.
    """
    run = open_finished(directory)
    split_names(run, split)
    require_heads(run)
    scores = open_scores(run)
    require_image(image, scores.ids)
    asked = asked_split(run, image, split)
    require_heads(run, [asked.name])
    head = load_heads(run, asked.name)[0]
    values = scores.rows([image])[0]
    probabilities = head.predict(values[None])[0]
    winner = int(np.argmax(probabilities))
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    passages = PassageFile(run.path("passages.jsonl"))
    return ImageExplanation(
        image=image,
        split=asked.name,
        part=asked.part,
        sentence=asked.sentence,
        predicted=head.classes[winner],
        probability=float(probabilities[winner]),
        contributions=tuple(
            ExplainedConcept(item, Quotation.of(bank[item.concept_id], passages))
            for item in head.contributions(values, winner)
        ),
    )


def place_of(evidence: Evidence | None, passages: Mapping[str, Passage]) -> str:
    """Where a quotation stands; a refresh may have taken its passage away, until the next run."""
    if evidence is None:
        return "no quoted source"
    passage = passages.get(evidence.passage_id)
    return passage.locator if passage is not None else "withdrawn from the literature"
