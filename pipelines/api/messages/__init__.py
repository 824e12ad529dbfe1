"""What goes in and out, as the OpenAPI document describes it."""

from pipelines.api.messages.audit import AuditList, AuditRequest, AuditState, AuditWork
from pipelines.api.messages.base import Health, Message, Problem
from pipelines.api.messages.concept import ServedConcept
from pipelines.api.messages.intervention import InterventionRequest, InterventionResult, Moved
from pipelines.api.messages.prediction import Prediction, Summand
from pipelines.api.messages.search import FoundPassage, SearchRequest, SearchResult

__all__ = [
    "AuditList",
    "AuditRequest",
    "AuditState",
    "AuditWork",
    "FoundPassage",
    "Health",
    "InterventionRequest",
    "InterventionResult",
    "Message",
    "Moved",
    "Prediction",
    "Problem",
    "SearchRequest",
    "SearchResult",
    "ServedConcept",
    "Summand",
]
