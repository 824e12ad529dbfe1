"""What goes in and out, as the OpenAPI document describes it."""

from pipelines.api.messages.base import Health, Message, Problem
from pipelines.api.messages.concept import ServedConcept
from pipelines.api.messages.intervention import InterventionRequest, InterventionResult, Moved
from pipelines.api.messages.prediction import Prediction, Summand

__all__ = [
    "Health",
    "InterventionRequest",
    "InterventionResult",
    "Message",
    "Moved",
    "Prediction",
    "Problem",
    "ServedConcept",
    "Summand",
]
