"""What a retriever returns, and the protocol that all retrievers share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved passage; `rank` counts from 1, a larger `score` is better."""

    passage_id: str
    score: float
    rank: int


class Retriever(Protocol):
    """Ranks passages for queries."""

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query, best first, each of at most `limit` hits."""
        ...
