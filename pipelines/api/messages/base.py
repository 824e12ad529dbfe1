"""What all messages have in common, and the two that every route can give."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Base: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Problem(Message):
    """Why a request was not answered."""

    detail: str
    """One sentence: what was found, and what to change."""
    request: str
    """Number of the request, as in the log."""


class Health(Message):
    """Whether the process is alive, or ready."""

    status: str
    """`alive`, `ready` or `starting`."""
