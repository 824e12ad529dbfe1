"""A bank with its signs, as it goes to another run, to a spreadsheet or to a colleague."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowledge.concepts import ConceptBank
from knowledge.priors.table import Override

GIVEN = frozenset({"expert", "imported"})
"""Sources of signs that people brought in; all others are worked out anew by every run."""


@dataclass(frozen=True, slots=True)
class SignedBank:
    """What an export holds.

    Attributes:
        bank: Concepts; one whose id is not that of its question was reworded in the file.
        classes: Whose signs the file speaks of.
        signs: At most one a concept and class.
        quoted: Whether the file speaks of quotations at all; a plain list of questions does not.
        lines: Line of each concept in the file, for messages.
        place: The file.
    """

    bank: ConceptBank
    classes: tuple[str, ...] = ()
    signs: tuple[Override, ...] = ()
    quoted: bool = field(default=True, compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    place: str = field(default="", compare=False)

    def by_cell(self) -> dict[tuple[str, str], Override]:
        """Signs by (concept id, class)."""
        return {(each.concept_id, each.class_name): each for each in self.signs}

    def where(self, concept_id: str) -> str:
        """Line and file of a concept."""
        line = self.lines.get(concept_id)
        return f"Line {line} of {self.place}" if line else self.place or "The bank"
