"""What a person changed in an exported bank, worked out against the bank as it is now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from knowledge.concepts import Concept, Evidence, concept_id, ids_by_former_id, make_concept
from knowledge.curation.changes import Change
from knowledge.curation.concept_changes import Add, Drop, Edit, union
from knowledge.curation.lookup import find_quote
from knowledge.curation.places import places
from knowledge.curation.sign_change import EXPERT, IMPORTED, Sign
from knowledge.curation.signed_bank import GIVEN, SignedBank
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.priors.table import Override


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Changes in order, and one sentence for each thing of the file that was left out."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def reconcile(
    edited: SignedBank, current: SignedBank, passages: Mapping[str, Passage], *, drop_missing: bool = False
) -> Reconciled:
    """The changes that turn the current bank into the edited one; what is the same gives none.

    Args:
        edited: As read from a file.
        current: The bank in force, with all its signs, also those of the model.
        passages: Where every new quotation must stand.
        drop_missing: Whether concepts that the file lacks are dropped.

    Raises:
        KnowledgeError: A quotation stands nowhere, two concepts ask the same, or a reworded concept was
            reworded otherwise since: the line is named.
    """
    quotes = _Quotes(edited, passages)
    meant = {concept.id: _today(concept, edited, current) for concept in edited.bank}
    changes: list[Change] = []
    after: dict[str, Concept] = {}
    for concept in edited.bank:
        before = meant[concept.id]
        wanted = _wanted(concept, before, quotes.of(concept, before))
        if wanted != before:
            _refuse_twins(wanted, before=before, row=concept, after=after, edited=edited, current=current)
            changes.append(Add(wanted) if before is None else Edit(before, wanted))
        after[concept.id] = wanted
    changes += _signs(edited, current, meant, after)
    if drop_missing:
        named = {each.id for each in meant.values() if each is not None}
        changes += [Drop(each) for each in current.bank if each.id not in named]
    return Reconciled(tuple(changes), tuple(quotes.notes))


class _Quotes:
    """The quotations of the rows at their places in the passages; what is left out is noted."""

    def __init__(self, edited: SignedBank, passages: Mapping[str, Passage]) -> None:
        self.edited, self.passages = edited, passages
        self.standing = places((each for concept in edited.bank for each in concept.evidence), passages)
        self.notes: list[str] = []

    def of(self, row: Concept, before: Concept | None) -> tuple[Evidence, ...]:
        """Of one row; a concept changed since the export loses none of those it has."""
        known = before.evidence if before is not None else ()
        if before is not None and not self.edited.quoted:
            return known
        found = [self._here(each, row, before) for each in row.evidence]
        quotes = tuple(dict.fromkeys(each for each in found if each is not None))
        if before is not None and set(before.formerly) != set(row.formerly):
            return union(known, quotes)
        return known if set(quotes) == set(known) else quotes

    def _here(self, evidence: Evidence, row: Concept, before: Concept | None) -> Evidence | None:
        if before is not None and evidence in before.evidence:
            return evidence
        if evidence in self.standing:
            return self.standing[evidence]
        if evidence.passage_id and before is None:
            self.notes.append(
                f"{self.edited.where(row.id)} quotes {evidence.passage_id}, which this literature does not "
                "hold: the quotation is left out."
            )
            return None
        try:
            return find_quote(evidence.quote, self.passages)
        except KnowledgeError as error:
            raise KnowledgeError(f"{self.edited.where(row.id)}: {error}") from error


def _today(concept: Concept, edited: SignedBank, current: SignedBank) -> Concept | None:
    """The concept of the current bank that a row is about; None for a new one."""
    today = ids_by_former_id(current.bank)
    name = today.get(concept.id)
    if name is None:
        return None
    found = current.bank[name]
    reworded = concept_id(concept.question) not in {concept.id, found.id}
    if found.id != concept.id and reworded:
        raise KnowledgeError(
            f"{edited.where(concept.id)} rewords {concept.id}, which has become `{found.question}` since the "
            "export; export the bank again and edit that."
        )
    return found


def _wanted(concept: Concept, before: Concept | None, evidence: tuple[Evidence, ...]) -> Concept:
    """The concept as the row asks for it."""
    if before is None:
        made = make_concept(concept.question, evidence, concept.query, origin=concept.origin)
        return replace(made, formerly=concept.formerly)
    kept = before.id != concept.id and concept_id(concept.question) == concept.id
    if kept or concept.question == before.question:  # an export from before the concept was reworded
        return replace(before, evidence=evidence)
    made = make_concept(concept.question, evidence, before.query, origin=before.origin)
    formerly = tuple(dict.fromkeys((*before.formerly, before.id)))
    return replace(made, formerly=formerly if made.id != before.id else before.formerly)


def _refuse_twins(
    wanted: Concept,
    *,
    before: Concept | None,
    row: Concept,
    after: Mapping[str, Concept],
    edited: SignedBank,
    current: SignedBank,
) -> None:
    """A row may not ask what another row, or a concept that it is not about, asks already."""
    twin = next((name for name, each in after.items() if each.id == wanted.id), None)
    taken = wanted.id in current.bank.ids and (before is None or before.id != wanted.id)
    if twin is not None or taken:
        other = edited.where(twin) if twin is not None else "the bank"
        raise KnowledgeError(
            f"{edited.where(row.id)} asks `{wanted.question}`, and so does {other[0].lower() + other[1:]}; "
            "merge the two with `knobo concepts merge` instead."
        )


def _signs(
    edited: SignedBank,
    current: SignedBank,
    meant: Mapping[str, Concept | None],
    after: Mapping[str, Concept],
) -> Iterable[Sign]:
    """Signs that people brought in, and those that the file no longer has."""
    theirs, ours = edited.by_cell(), current.by_cell()
    for concept in edited.bank:
        before = meant[concept.id]
        for name in edited.classes:
            new = theirs.get((concept.id, name))
            old = ours.get((before.id, name)) if before is not None else None
            change = _sign(after[concept.id], name, old, new)
            if change is not None:
                yield change


def _sign(concept: Concept, class_name: str, old: Override | None, new: Override | None) -> Sign | None:
    given = old if old is not None and old.source in GIVEN else None
    before = given.sign if given is not None else None
    if new is None:
        if given is None:
            return None
        return Sign(concept.id, concept.question, class_name, before, None, given.source)
    if new.source not in GIVEN or (old is not None and (old.sign, old.source) == (new.sign, new.source)):
        return None
    if new.source == IMPORTED and given is not None and given.source == EXPERT:
        return None
    return Sign(concept.id, concept.question, class_name, before, new.sign, new.source)
