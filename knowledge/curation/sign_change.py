"""The change of one sign: which way a concept speaks for a class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from knowledge.curation.draft import Draft
from knowledge.priors.table import Override

EXPERT, IMPORTED = "expert", "imported"


@dataclass(frozen=True, slots=True)
class Sign:
    """Which way a concept speaks for a class.

    Attributes:
        concept_id: The concept.
        question: Its question, so that the history can be read alone.
        class_name: The class.
        before: The sign given until then; None where there was none.
        after: In [-1, 1]; None takes back what was given.
        source: `expert`, or `imported` from another bank: an expert's sign wins.
    """

    concept_id: str
    question: str
    class_name: str
    before: float | None
    after: float | None
    source: str = EXPERT

    @property
    def concept_ids(self) -> tuple[str, ...]:
        """The concept."""
        return (self.concept_id,)

    def apply(self, draft: Draft) -> None:
        """Give or take back the sign; one for an absent concept waits until it is found again."""
        key = self.concept_id, self.class_name
        if self.concept_id not in draft.concepts:
            draft.note(self.concept_id, "The sign waits: its concept is not in the bank.", missing=True)
        if self.after is None:
            draft.signs.pop(key, None)
        elif not (self.source == IMPORTED and key in draft.signs and draft.signs[key].source == EXPERT):
            draft.signs[key] = Override(self.class_name, self.concept_id, self.after, self.source)

    def describe(self) -> str:
        """Old and new sign."""
        old, new = ("none" if each is None else f"{each:+g}" for each in (self.before, self.after))
        return f"`{self.question}` for {self.class_name}: {old} became {new} ({self.source})"

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> "Sign":
        """From its JSON.

        Raises:
            ValueError: A sign does not lie in [-1, 1], or nobody is known by the name of the source.
        """
        before, after = (None if row[key] is None else float(row[key]) for key in ("before", "after"))
        for each in (before, after):
            if each is not None and not -1 <= each <= 1:
                raise ValueError(f"the sign {each:g} does not lie from -1 to 1")
        if row["source"] not in {EXPERT, IMPORTED}:
            raise ValueError(f"the source {row['source']!r} is neither {EXPERT} nor {IMPORTED}")
        return cls(
            concept_id=str(row["concept_id"]),
            question=str(row["question"]),
            class_name=str(row["class_name"]),
            before=before,
            after=after,
            source=str(row["source"]),
        )
