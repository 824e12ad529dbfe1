"""Changes of concepts: another wording, several made one, one taken out, one put in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from knowledge.concepts import Concept, parse_concept
from knowledge.curation.draft import Draft

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """A concept with another question or other quotations; a new question gives a new id."""

    before: Concept
    after: Concept

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """The old id and the new one."""
        return tuple(dict.fromkeys((self.before.id, self.after.id)))

    def apply(self, draft: Draft) -> None:
        """Reword what is there now: quotations found since then are kept."""
        current = found(draft, self.before)
        gone = set(self.before.evidence) - set(self.after.evidence)
        fresh = tuple(each for each in self.after.evidence if each not in self.before.evidence)
        own = tuple(each for each in current.evidence if each not in gone)
        also = draft.concepts.get(self.after.id, current)
        concept = replace(
            self.after,
            evidence=union(own, fresh, () if also is current else also.evidence),
            query=current.query,
            formerly=without(union(current.formerly, (self.before.id,), also.formerly), self.after.id),
        )
        draft.replace((self.before.id,), concept)

    def describe(self) -> str:
        """Old and new question, or the number of quotations."""
        if self.before.question != self.after.question:
            return f"`{self.before.question}` became `{self.after.question}`"
        counts = len(self.before.evidence), len(self.after.evidence)
        return f"`{self.after.question}` rests on {counts[1]} quotations instead of {counts[0]}"

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Edit":
        """From its JSON."""
        return cls(parse_concept(row["before"]), parse_concept(row["after"]))


@dataclass(frozen=True, slots=True)
class Merge:
    """Several concepts as one, which keeps the quotations, the ids and the signs of all; the first's win."""

    before: tuple[Concept, ...]
    after: Concept

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """Those merged, and what they became."""
        return tuple(dict.fromkeys((*(each.id for each in self.before), self.after.id)))

    def apply(self, draft: Draft) -> None:
        """Merge what is there now; those not found any more come from the journal."""
        members = [found(draft, each) for each in self.before]
        also = draft.concepts.get(self.after.id)
        members += [also] if also is not None and also not in members else []
        concept = replace(
            self.after,
            evidence=union(*(each.evidence for each in members)),
            formerly=without(union(*((*each.formerly, each.id) for each in members)), self.after.id),
        )
        draft.replace([each.id for each in self.before], concept)

    def describe(self) -> str:
        """The questions merged."""
        others = ", ".join(f"`{each.question}`" for each in self.before if each.id != self.after.id)
        return f"{others} merged into `{self.after.question}`"

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Merge":
        """From its JSON.

        Raises:
            ValueError: It merges nothing.
        """
        if not row["before"]:
            raise ValueError("no concept is merged")
        return cls(tuple(parse_concept(each) for each in row["before"]), parse_concept(row["after"]))


@dataclass(frozen=True, slots=True)
class Drop:
    """A concept taken out of the bank; found again by a later discovery, it stays out."""

    before: Concept

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """The concept."""
        return (self.before.id,)

    def apply(self, draft: Draft) -> None:
        """Take it out."""
        if self.before.id not in draft.concepts:
            draft.note(self.before.id, "Discovery no longer finds the concept dropped.", missing=True)
        draft.remove(self.before.id)

    def describe(self) -> str:
        """The question dropped."""
        return f"`{self.before.question}` dropped"

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Drop":
        """From its JSON."""
        return cls(parse_concept(row["before"]))


@dataclass(frozen=True, slots=True)
class Add:
    """A concept that discovery did not accept."""

    after: Concept

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """The concept."""
        return (self.after.id,)

    def apply(self, draft: Draft) -> None:
        """Put it at the end; where discovery now finds it too, both sets of quotations count."""
        there = draft.concepts.get(self.after.id)
        if there is not None:
            draft.note(self.after.id, "Discovery now finds the concept, too.")
            draft.replace(
                (there.id,), replace(self.after, evidence=union(there.evidence, self.after.evidence))
            )
        else:
            draft.replace((), self.after)

    def describe(self) -> str:
        """The question and what it rests on."""
        quotes = len(self.after.evidence)
        return f"`{self.after.question}` added with {quotes or 'no'} quotation{'s' if quotes != 1 else ''}"

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Add":
        """From its JSON."""
        return cls(parse_concept(row["after"]))


def found(draft: Draft, concept: Concept) -> Concept:
    """The concept as it is today, or as the journal kept it."""
    if concept.id in draft.concepts:
        return draft.concepts[concept.id]
    draft.note(
        concept.id, f"Discovery no longer finds `{concept.question}`: kept from the journal.", missing=True
    )
    return concept


def union(*groups: Sequence[T]) -> tuple[T, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(each for group in groups for each in group))


def without(ids: Sequence[str], concept_id: str) -> tuple[str, ...]:
    """The ids but one."""
    return tuple(each for each in ids if each != concept_id)
