"""What all messages have in common, and the two that every route can give."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from pipelines.api.messages import examples


def shown(example: dict[str, Any]) -> ConfigDict:
    """What the description shows of a message."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Message(BaseModel):
    """Base: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Problem(Message):
    """Why a request was not answered."""

    model_config = shown(examples.problem)

    detail: str
    """One sentence: what was found, and what to change."""
    request: str
    """Number of the request, as in the log."""


class Health(Message):
    """Whether the process is alive, or ready."""

    model_config = shown({"status": "ready"})

    status: str
    """`alive`, `ready` or `starting`."""
