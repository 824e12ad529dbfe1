"""Today's bank: what discovery found, with the journal applied, resting on quotes that stand verbatim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from knowledge.concepts import ConceptBank
from knowledge.curation.changes import Undo
from knowledge.curation.draft import Draft, Note
from knowledge.curation.journal import Entry, active
from knowledge.curation.places import places
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.priors.table import Override


@dataclass(frozen=True, slots=True)
class Curated:
    """A bank after its journal.

    Attributes:
        bank: The concepts in force.
        signs: Those that people gave to concepts in the bank.
        notes: What is to be known of entries that no longer fit what discovery finds.
    """

    bank: ConceptBank
    signs: tuple[Override, ...]
    notes: tuple[Note, ...]


def replay(discovered: ConceptBank, entries: Sequence[Entry]) -> Curated:
    """Applies the entries that count, in order."""
    draft, counting = Draft.of(discovered), active(entries)
    for entry in entries:
        if entry.number in counting:
            draft.number = entry.number
            entry.change.apply(draft)
    signs = tuple(sign for (concept_id, _), sign in draft.signs.items() if concept_id in draft.concepts)
    return Curated(ConceptBank(tuple(draft.concepts.values())), signs, tuple(draft.notes))


def anchored(curated: Curated, passages: Mapping[str, Passage]) -> Curated:
    """The same with every quote at a place where it stands; one that stands nowhere is left out and noted."""
    concepts, notes = [], list(curated.notes)
    found = places((each for concept in curated.bank for each in concept.evidence), passages)
    for concept in curated.bank:
        standing = [found[each] for each in concept.evidence if each in found]
        evidence, lost = tuple(dict.fromkeys(standing)), len(concept.evidence) - len(standing)
        if lost:
            text = f"{lost} of its {len(concept.evidence)} quotations stand in no passage any more."
            notes.append(Note(0, concept.id, text, missing=False))
        concepts.append(concept if evidence == concept.evidence else replace(concept, evidence=evidence))
    return Curated(ConceptBank(tuple(concepts)), curated.signs, tuple(notes))


def undo(discovered: ConceptBank, entries: Sequence[Entry], number: int) -> Undo:
    """The change that takes one entry back.

    Raises:
        KnowledgeError: No such entry, it is undone already, or a later one builds on it.
    """
    counting = active(entries)
    if number not in counting:
        there = "is undone already" if 0 < number <= len(entries) else "is not in the journal"
        raise KnowledgeError(f"Entry {number} {there}; `knobo concepts history` lists those that count.")
    change = Undo((number,))
    after = replay(discovered, [*entries, Entry(len(entries) + 1, "", "", "", change)])
    before = {note.number for note in replay(discovered, entries).notes if note.missing}
    builders = sorted({note.number for note in after.notes if note.missing} - before)
    if builders:
        raise KnowledgeError(
            f"Entry {builders[0]} builds on entry {number}: undo that one first, or go back further "
            f"with `knobo concepts restore`."
        )
    return change


def restore(entries: Sequence[Entry], number: int) -> Undo:
    """The change that goes back to the bank as it was after one entry; 0 is the bank as discovered.

    Raises:
        KnowledgeError: No such entry, or it is the last.
    """
    if not 0 <= number < len(entries):
        raise KnowledgeError(
            f"There is nothing to take back after entry {number}: the journal has {len(entries)}; "
            f"give a number from 0 to {len(entries) - 1}."
            if entries
            else "The journal has no entries: the bank is as discovered."
        )
    return Undo(tuple(range(number + 1, len(entries) + 1)))
