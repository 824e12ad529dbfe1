"""Audits that the API starts: one at a time, in a process of their own, told from files alone."""

from pipelines.api.audits.auditor import Auditor
from pipelines.api.audits.ledger import BusyError, Ledger
from pipelines.api.audits.states import Audit, Outcome, Progress, State

__all__ = ["Audit", "Auditor", "BusyError", "Ledger", "Outcome", "Progress", "State"]
