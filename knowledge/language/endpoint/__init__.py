"""Language models behind the OpenAI protocol: asked with patience, within a budget, and checked."""

from knowledge.language.endpoint.acquaintance import digests, recalled
from knowledge.language.endpoint.ledger import Budget, BudgetSpentError, Ledger, Prices, Spending
from knowledge.language.endpoint.model import EndpointModel, open_endpoint
from knowledge.language.endpoint.settings import Endpoint

__all__ = [
    "Budget",
    "BudgetSpentError",
    "Endpoint",
    "EndpointModel",
    "Ledger",
    "Prices",
    "Spending",
    "digests",
    "open_endpoint",
    "recalled",
]
