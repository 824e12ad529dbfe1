"""Refresh of a finished run: only what is new is read, and what follows for the bank waits for a person."""

from pipelines.refreshing.outcome import Flag, PassageChange, Proposal, RefreshOutcome
from pipelines.refreshing.refresh_run import refresh

__all__ = ["Flag", "PassageChange", "Proposal", "RefreshOutcome", "refresh"]
