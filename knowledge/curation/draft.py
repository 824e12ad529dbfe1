"""The bank under a clinician's hands: concepts in order, the signs given, and what could not be applied."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from knowledge.concepts import Concept, ConceptBank
from knowledge.priors.table import Override


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader should know of one entry of the journal.

    Attributes:
        number: Of the entry.
        concept_id: The concept it concerns.
        text: One sentence.
        missing: Whether the entry speaks of a concept that is not there.
    """

    number: int
    concept_id: str
    text: str
    missing: bool


@dataclass
class Draft:
    """Concepts by id, in order, and signs by (concept id, class), while a journal is applied."""

    concepts: dict[str, Concept]
    signs: dict[tuple[str, str], Override] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    number: int = 0

    @classmethod
    def of(cls, bank: ConceptBank) -> "Draft":
        """Of a bank as it was found."""
        return cls({concept.id: concept for concept in bank})

    def note(self, concept_id: str, text: str, *, missing: bool = False) -> None:
        """Keep a remark on the entry that is being applied."""
        self.notes.append(Note(self.number, concept_id, text, missing))

    def replace(self, old: Sequence[str], concept: Concept) -> None:
        """Put a concept in the place of the first of the old ones; their signs become its own."""
        places = [name for name in self.concepts if name in old or name == concept.id]
        kept: dict[str, Concept] = {}
        for name, each in self.concepts.items():
            if places and name == places[0]:
                kept[concept.id] = concept
            elif name not in places:
                kept[name] = each
        self.concepts = kept if places else {**kept, concept.id: concept}
        for name in old:
            self._hand_over(name, concept.id)

    def remove(self, concept_id: str) -> None:
        """Take a concept out, and its signs."""
        self.concepts.pop(concept_id, None)
        self.signs = {key: sign for key, sign in self.signs.items() if key[0] != concept_id}

    def _hand_over(self, old: str, new: str) -> None:
        """The first sign given to a class stays: the concept that is kept comes first."""
        if old == new:
            return
        for (name, class_name), sign in list(self.signs.items()):
            if name != old:
                continue
            del self.signs[name, class_name]
            kept = self.signs.setdefault((new, class_name), replace(sign, concept_id=new))
            if kept.sign != sign.sign:
                self.note(new, f"{old} had {sign.sign:+g} for {class_name}; {kept.sign:+g} is kept.")
