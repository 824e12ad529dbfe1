"""What a refresh found and what it proposes: plain values for the command line, artifacts and events."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from knowledge.concepts import Concept

COLUMNS = ("change", "concept", "question", "quote", "source")
"""Of the table of proposals and flags."""


@dataclass(frozen=True, slots=True)
class PassageChange:
    """Passages of the literature beside those of the refresh before, or of the run where there was none.

    Attributes:
        added: New ids.
        changed: Known ids with another text or other facts.
        deleted: Ids that are gone.
        unchanged: The others.
        read: Passages that discovery read, all of them new or with another text.
    """

    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    read: int = 0

    @property
    def any(self) -> bool:
        """Whether there is a difference."""
        return bool(self.added or self.changed or self.deleted)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A concept that waits for a person.

    Attributes:
        concept: With its quotation.
        locator: Where a reader finds the first quotation.
        license: Of that source.
        yes: Reports that answer it with yes; with `no` what the screening counted.
        no: Reports that answer it with no.
        auroc: Cross-validated, of its detector on the run's own features; None where it cannot be learnt.
        auroc_low: Lower end of the interval.
    """

    concept: Concept
    locator: str
    license: str
    yes: int
    no: int
    auroc: float | None
    auroc_low: float | None


@dataclass(frozen=True, slots=True)
class Flag:
    """A quotation of the bank in force whose article was withdrawn.

    Attributes:
        concept_id: That rests on it.
        question: Of the concept.
        quote: As it stood.
        passage_id: Where it stood.
        locator: Where a reader finds it.
        why: `retracted`, or `gone` where the literature no longer holds the passage or the quotation.
        alone: Whether the concept rests on nothing else that stands.
        used: Whether the classifier in force uses the concept, so that predictions and report rest on it.
    """

    concept_id: str
    question: str
    quote: str
    passage_id: str
    locator: str
    why: Literal["retracted", "gone"]
    alone: bool
    used: bool


@dataclass(frozen=True, slots=True)
class RefreshOutcome:
    """What a refresh did.

    Attributes:
        run: Directory of the run in production.
        passages: How the literature changed.
        proposed: Concepts that this refresh found.
        waiting: Concepts that wait for review, those of earlier refreshes among them.
        flagged: Quotations in force whose articles were withdrawn.
        entered: Whether production was changed, which only `[refresh] accept = "all"` allows.
        seconds: It took.
    """

    run: Path
    passages: PassageChange
    proposed: tuple[Proposal, ...] = ()
    waiting: tuple[Proposal, ...] = ()
    flagged: tuple[Flag, ...] = ()
    entered: bool = False
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """What a person should know, in one line."""
        if not self.passages.any:
            found = "the literature has not changed"
        else:
            counts = self.passages
            found = (
                f"{counts.added:,} passages added, {counts.changed:,} changed, {counts.deleted:,} gone; "
                f"{len(self.proposed)} new concepts"
            )
        withdrawn = len({flag.concept_id for flag in self.flagged})
        flags = f"; {withdrawn} concepts in force rest on withdrawn articles" if withdrawn else ""
        state = "taken over" if self.entered else f"{len(self.waiting)} wait for review"
        return f"{self.run.name}: {found}{flags}; {state}."

    def rows(self) -> list[dict[str, str]]:
        """The difference of the bank, a row a proposal or flag, under `COLUMNS`."""
        new = [
            ("new", each.concept.id, each.concept.question, each.concept.evidence[0].quote, each.locator)
            for each in self.waiting
        ]
        flags = [
            (flag.why, flag.concept_id, flag.question, flag.quote, flag.locator) for flag in self.flagged
        ]
        return [dict(zip(COLUMNS, row, strict=True)) for row in (*new, *flags)]

    def as_json(self) -> Mapping[str, Any]:
        """Plain values."""
        return {**asdict(self), "run": str(self.run), "sentence": self.sentence}
