"""Concepts that are set by hand, and what that changes."""

from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from models.what_if.interventions import Intervention
from pipelines.api.messages import examples
from pipelines.api.messages.base import Message, shown
from pipelines.api.messages.prediction import Summand
from pipelines.api.served import Answer


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


class InterventionRequest(Message):
    """Concepts of an image to be set by hand. The server keeps no image: the scores come from the client."""

    model_config = shown(examples.intervention_request)

    scores: Annotated[dict[ConceptId, Probability], Field(max_length=10_000)]
    """Of every concept, as `/v1/predict` gave them."""
    set: Annotated[dict[ConceptId, Setting], Field(min_length=1, max_length=10_000)]
    """By concept: true or false, for the score that its detector gives such images, or the score itself."""
    split: Annotated[str | None, Field(max_length=200)] = None
    """Whose classifier; that of the first split where none is named."""


class Moved(Message):
    """One concept that was set."""

    model_config = shown(examples.moved)

    id: str
    """Of the concept."""
    before: float
    """Its score as it was."""
    after: float
    """Its score as it was set."""


class InterventionResult(Message):
    """What setting concepts changed."""

    model_config = shown(examples.intervention_result)

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
