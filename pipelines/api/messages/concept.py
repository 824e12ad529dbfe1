"""What the classifiers look at."""

from pipelines.api.messages import examples
from pipelines.api.messages.base import Message, shown


class ServedConcept(Message):
    """A concept that the classifiers use."""

    model_config = shown(examples.concept)

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
