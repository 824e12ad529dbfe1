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
        dormant = concept.id not in self.concepts
        self.concepts = kept if places else {**kept, concept.id: concept}
        for name in old:
            self._hand_over(name, concept.id, dormant=dormant)
            dormant = False

    def remove(self, concept_id: str) -> None:
        """Take a concept out; its signs wait for its return."""
        self.concepts.pop(concept_id, None)

    def _hand_over(self, old: str, new: str, *, dormant: bool) -> None:
        """An expert's sign stays, else the first: the concept that is kept comes first.

        Args:
            old: Whose signs they were.
            new: Whose they become.
            dormant: Whether the signs of `new` are those of a concept taken out before.
        """
        if old == new:
            return
        for (name, class_name), sign in list(self.signs.items()):
            if name != old:
                continue
            del self.signs[name, class_name]
            there = self.signs.get((new, class_name))
            if there is None:
                self.signs[new, class_name] = replace(sign, concept_id=new)
                continue
            ranks = [each.source == "expert" for each in (sign, there)]
            wins = ranks[0] > ranks[1] or (dormant and ranks[0] == ranks[1])
            if wins:
                self.signs[new, class_name] = replace(sign, concept_id=new)
            if there.sign != sign.sign:
                lost, kept = (there, sign) if wins else (sign, there)
                owner = lost.concept_id
                self.note(new, f"{owner} had {lost.sign:+g} for {class_name}; {kept.sign:+g} is kept.")
