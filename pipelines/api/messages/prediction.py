"""An image as a sum of concepts."""

from typing import Self

from pipelines.api.messages import examples
from pipelines.api.messages.base import Message, shown
from pipelines.api.served import Answer
from pipelines.explanation import ExplainedConcept


class Summand(Message):
    """One concept's part in a prediction: `amount` = (`score` - `usual`) x `weight`."""

    model_config = shown(examples.summand)

    id: str
    """Of the concept."""
    question: str
    """What it asks."""
    score: float
    """Probability of a yes in this image."""
    usual: float
    """What the score is measured from: its mean over the training images."""
    weight: float
    """Of the concept for the predicted class."""
    amount: float
    """What it adds to the logit of the predicted class; the sum over all concepts is that logit."""
    quote: str
    """The sentence that the concept rests on."""
    source: str
    """Where the sentence stands."""
    locator: str
    """The place there, e.g. a PMID and a section."""
    license: str
    """Of the source."""
    retracted: bool
    """Whether the article was withdrawn; what rests on it deserves doubt."""

    @classmethod
    def of(cls, each: ExplainedConcept) -> Self:
        """From what the run said."""
        part, quotation = each.contribution, each.quotation
        return cls(
            id=part.concept_id,
            question=quotation.question,
            score=part.score,
            usual=part.usual,
            weight=part.weight,
            amount=part.amount,
            quote=quotation.quote,
            source=quotation.source,
            locator=quotation.locator,
            license=quotation.license,
            retracted=quotation.retracted,
        )


class Prediction(Message):
    """A prediction as a sum of concepts."""

    model_config = shown(examples.prediction)

    request: str
    """Number of the request."""
    run: str
    """Name of the run that answers."""
    audit: str
    """SHA-256 of its audit."""
    split: str
    """Whose classifier."""
    predicted: str
    """The most probable class."""
    probabilities: dict[str, float]
    """By class: the softmax of `logits`."""
    logits: dict[str, float]
    """By class. With two classes their difference is the log odds; either of them alone is not."""
    concepts: tuple[Summand, ...]
    """The largest contribution first."""
    scores: dict[str, float]
    """Of every concept, to be handed to `/v1/intervene`."""

    @classmethod
    def of(cls, answer: Answer, *, request: str, run: str, audit: str, scores: dict[str, float]) -> Self:
        """From what the run said."""
        return cls(
            request=request,
            run=run,
            audit=audit,
            split=answer.split,
            predicted=answer.predicted,
            probabilities=dict(zip(answer.classes, answer.probabilities, strict=True)),
            logits=dict(zip(answer.classes, answer.logits, strict=True)),
            concepts=tuple(map(Summand.of, answer.concepts)),
            scores=scores,
        )
