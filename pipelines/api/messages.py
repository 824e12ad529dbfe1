"""What goes in and out, as the OpenAPI document describes it."""

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from models.what_if.interventions import Intervention
from pipelines.api.served import Answer
from pipelines.explanation import ExplainedConcept


def answer_or_score(value: Any, validate: ValidatorFunctionWrapHandler) -> bool | float:
    """One sentence for both kinds; else each would complain on its own, and the first alone be heard."""
    try:
        found: bool | float = validate(value)
    except ValidationError as error:
        raise PydanticCustomError("setting", "give true, false, or a number from 0 to 1") from error
    return found


Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Setting = Annotated[StrictBool | Probability, WrapValidator(answer_or_score)]
ConceptId = Annotated[str, Field(max_length=200)]


class Message(BaseModel):
    """Base: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Problem(Message):
    """Why a request was not answered."""

    detail: str
    """One sentence: what was found, and what to change."""
    request: str
    """Number of the request, as in the log."""


class Summand(Message):
    """One concept's part in a prediction: `amount` = (`score` - `usual`) x `weight`."""

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

    @classmethod
    def of(cls, each: ExplainedConcept) -> Self:
        """From what the run said."""
        return cls(
            id=each.concept_id,
            question=each.question,
            score=each.score,
            usual=each.usual,
            weight=each.weight,
            amount=each.amount,
            quote=each.quote,
            source=each.source,
            locator=each.locator,
            license=each.license,
        )


class Prediction(Message):
    """A prediction as a sum of concepts."""

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


class InterventionRequest(Message):
    """Concepts of an image to be set by hand. The server keeps no image: the scores come from the client."""

    scores: Annotated[dict[ConceptId, Probability], Field(max_length=10_000)]
    """Of every concept, as `/v1/predict` gave them."""
    set: Annotated[dict[ConceptId, Setting], Field(min_length=1, max_length=10_000)]
    """By concept: true or false, for the score that its detector gives such images, or the score itself."""
    split: Annotated[str | None, Field(max_length=200)] = None
    """Whose classifier; that of the first split where none is named."""


class Moved(Message):
    """One concept that was set."""

    id: str
    """Of the concept."""
    before: float
    """Its score as it was."""
    after: float
    """Its score as it was set."""


class InterventionResult(Message):
    """What setting concepts changed."""

    request: str
    """Number of the request."""
    split: str
    """Whose classifier."""
    before: dict[str, float]
    """Probability by class."""
    after: dict[str, float]
    """Probability by class, with the concepts set."""
    predicted: str
    """The most probable class, with the concepts set."""
    logits: dict[str, float]
    """By class, with the concepts set."""
    concepts: tuple[Summand, ...]
    """What adds up to the logit of `predicted` with the concepts set, the largest contribution first."""
    moved: tuple[Moved, ...]
    """The concepts that were set."""

    @classmethod
    def of(cls, found: Intervention, answer: Answer, *, request: str) -> Self:
        """From what the classifier said."""
        return cls(
            request=request,
            split=answer.split,
            before=dict(zip(found.classes, found.before, strict=True)),
            after=dict(zip(found.classes, found.after, strict=True)),
            predicted=answer.predicted,
            logits=dict(zip(answer.classes, answer.logits, strict=True)),
            concepts=tuple(map(Summand.of, answer.concepts)),
            moved=tuple(
                Moved(id=each.concept_id, before=each.before, after=each.after) for each in found.moved
            ),
        )


class ServedConcept(Message):
    """A concept that the classifiers use."""

    id: str
    """Stable across runs."""
    question: str
    """What it asks."""
    auroc: float
    """Of its detector, cross-validated."""
    weights: dict[str, dict[str, float]]
    """By split, then by class."""
    quote: str
    """The sentence that it rests on."""
    locator: str
    """Where that stands."""


class Health(Message):
    """Whether the process is alive, or ready."""

    status: str
    """`alive`, `ready` or `starting`."""
