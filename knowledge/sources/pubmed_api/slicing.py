"""Cutting a search into slices that PubMed lists in full: by Entrez date down to a day, then by PMID."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api.answers import Found

EARLIEST = date(1700, 1, 1)  # before the oldest record of PubMed
LAST_PMID = 99_999_999


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of a search within Entrez dates and PMIDs, both ends included; `None` means unlimited.

    Attributes:
        first: First date.
        last: Last date.
        low: Lowest PMID.
        high: Highest PMID.
        dated: Which date counts: of entry into PubMed, or of the last change there.
        kind: A publication type that the records must have; empty for any.
    """

    first: date | None = None
    last: date | None = None
    low: int | None = None
    high: int | None = None
    dated: Literal["edat", "mdat"] = "edat"
    kind: str = ""

    def term(self, term: str) -> str:
        """The query, narrowed to the publication type and the PMIDs."""
        narrowed = f"({term}) AND {self.kind}[pt]" if self.kind else term
        return narrowed if self.low is None else f"({narrowed}) AND {self.low}:{self.high}[UID]"

    def dates(self) -> dict[str, str]:
        """The parameters of esearch that narrow it to the dates."""
        if self.first is None or self.last is None:
            return {}
        limits = {"mindate": f"{self.first:%Y/%m/%d}", "maxdate": f"{self.last:%Y/%m/%d}"}
        return {"datetype": self.dated, **limits}

    def halves(self, today: date) -> tuple["Slice", "Slice"]:
        """The older and the newer half, which together are this slice and have nothing in common.

        Raises:
            KnowledgeError: It is one day and one PMID and has no halves.
        """
        first, last = self.first or EARLIEST, self.last or today
        if first < last:
            middle = first + (last - first) // 2
            return replace(self, first=first, last=middle), replace(
                self, first=middle + timedelta(1), last=last
            )
        low, high = self.low or 1, LAST_PMID if self.high is None else self.high
        if low == high:
            raise KnowledgeError(
                f"PubMed counts too many records for PMID {low} on {first}: it ignores the limits."
            )
        middle_pmid = (low + high) // 2
        day = replace(self, first=first, last=last)
        return replace(day, low=low, high=middle_pmid), replace(day, low=middle_pmid + 1, high=high)

    def __str__(self) -> str:
        name = "Entrez dates" if self.dated == "edat" else "dates of change"
        limits = [f"all {name}" if self.first is None else f"{name} {self.first} to {self.last}"]
        if self.kind:
            limits.append(self.kind)
        if self.low is not None:
            limits.append(f"PMIDs {self.low} to {self.high}")
        return ", ".join(limits)


def complete_slices(
    whole: Slice, ask: Callable[[Slice], Found], *, window: int, today: date
) -> Iterator[tuple[Slice, Found]]:
    """Slices with at most `window` records each, newest first, that cover the whole exactly once."""
    waiting = [whole]
    while waiting:
        part = waiting.pop()
        found = ask(part)
        if found.count <= window:
            yield part, found
        else:
            waiting.extend(part.halves(today))
