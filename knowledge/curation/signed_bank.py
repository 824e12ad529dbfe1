"""A bank with its signs, as it goes to another run, to a spreadsheet or to a colleague."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from knowledge.concepts import ConceptBank
from knowledge.errors import KnowledgeError
from knowledge.priors.table import Override

GIVEN = frozenset({"expert", "imported"})
"""Sources of signs that people brought in; all others are worked out anew by every run."""


STAMP = re.compile(r"entry (\d{1,9}) ([0-9a-f]+|-) ([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class AsOf:
    """The state of a run's bank that a file was exported from.

    Attributes:
        entries: Length of the journal then.
        journal: Digest of its last line; `-` where it had none.
        bank: Digest of what discovery had found.
    """

    entries: int
    journal: str
    bank: str

    def __str__(self) -> str:
        return f"entry {self.entries} {self.journal} {self.bank}"

    @classmethod
    def parse(cls, text: str) -> "AsOf":
        """From its text.

        Raises:
            ValueError: It is none.
        """
        found = STAMP.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"`{text[:60]}` names no state of a bank")
        return cls(int(found[1]), found[2], found[3])

    def same_run(self, other: "AsOf") -> bool:
        """Whether both are of one run: of its journal, or before there is one of what it discovered."""
        if self.entries != other.entries or self.journal != other.journal:
            return False
        return self.entries > 0 or self.bank == other.bank


@dataclass(frozen=True, slots=True)
class SignedBank:
    """What an export holds.

    Attributes:
        bank: Concepts; one whose id is not that of its question was reworded in the file.
        classes: Whose signs the file speaks of.
        signs: At most one a concept and class.
        as_of: The state that it was exported from; None for other files, which take nothing back.
        complete: Whether a sign that an export lacks was taken out of it.
        quoted: Whether the file speaks of quotations at all; a plain list of questions does not.
        lines: Line of each concept in the file, for messages.
        unit: What those lines are.
        place: The file.
    """

    bank: ConceptBank
    classes: tuple[str, ...] = ()
    signs: tuple[Override, ...] = ()
    as_of: AsOf | None = None
    complete: bool = field(default=True, compare=False)
    quoted: bool = field(default=True, compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    unit: str = field(default="Line", compare=False)
    place: str = field(default="", compare=False)

    def by_cell(self) -> dict[tuple[str, str], Override]:
        """Signs by (concept id, class)."""
        return {(each.concept_id, each.class_name): each for each in self.signs}

    def where(self, concept_id: str) -> str:
        """Line and file of a concept."""
        line = self.lines.get(concept_id)
        return f"{self.unit} {line} of {self.place}" if line else self.place or "The bank"

    def require_classes(self, known: Sequence[str]) -> None:
        """Refuses a sign that people gave for a class that is not known.

        Raises:
            KnowledgeError: There is one: its line is named.
        """
        for each in self.signs:
            if each.source in GIVEN and each.class_name not in known:
                raise KnowledgeError(
                    f"{self.where(each.concept_id)} has a sign for the class `{each.class_name}`, which the "
                    f"run does not have; its classes are {', '.join(known)}."
                )
