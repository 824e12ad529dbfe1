"""What a person changed in an exported bank, worked out against the bank as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from knowledge.concepts import Concept, concept_id, ids_by_former_id, make_concept
from knowledge.curation.changes import Change
from knowledge.curation.concept_changes import Add, Drop, Edit
from knowledge.curation.reconciled_quotes import Quotes
from knowledge.curation.reconciled_signs import Signs, given
from knowledge.curation.signed_bank import SignedBank
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage

AGAIN = "export the bank again and edit that"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Changes in order, and one sentence for each thing of the file that was left out."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def reconcile(
    edited: SignedBank,
    current: SignedBank,
    passages: Mapping[str, Passage],
    *,
    base: SignedBank | None = None,
    drop_missing: bool = False,
) -> Reconciled:
    """The changes that a file asks for: what it has otherwise than the bank that it was exported from.

    A file from elsewhere adds concepts, quotations and signs, and takes back only what it words otherwise.

    Args:
        edited: As read from a file.
        current: The bank in force, with all its signs, also those of the model.
        passages: Where every new quotation must stand.
        base: The bank as it was when the file was exported from it; None for a file from elsewhere.
        drop_missing: Whether concepts that the file lacks are dropped.

    Raises:
        KnowledgeError: A quotation stands nowhere, two concepts ask the same, a class is unknown, or file and
            bank both changed the same since the export: the line is named.
    """
    edited.require_classes(current.classes)
    rows = _Rows(edited, current, base, Quotes(edited, passages))
    for row in edited.bank:
        rows.take(row)
    signs = Signs(edited, current, base)
    for row in edited.bank:
        if row.id in rows.after:
            name = rows.names.get(row.id)
            after = rows.today[name] if name is not None else rows.after[row.id]
            rows.changes += signs.of(row, name, after)
    if drop_missing:
        rows.changes += rows.missing()
    return Reconciled(tuple(rows.changes), tuple(rows.quotes.notes))


class _Rows:
    """The rows of a file, one after the other: what they make of the concepts of today."""

    def __init__(
        self, edited: SignedBank, current: SignedBank, base: SignedBank | None, quotes: Quotes
    ) -> None:
        self.edited, self.current, self.base, self.quotes = edited, current, base, quotes
        self.then = {each.id: each for each in base.bank} if base is not None else {}
        self.today = {each.id: each for each in current.bank}
        self.names = ids_by_former_id(current.bank)
        self.after: dict[str, Concept] = {}
        self.changes: list[Change] = []

    def take(self, row: Concept) -> None:
        """Note the change that a row asks for."""
        was, name = self.then.get(row.id), self.names.get(row.id)
        now = self.today[name] if name is not None else None
        if was is not None and now is None:
            self._require_unchanged(row, was)
            return
        evidence = self.quotes.wanted(row, was, now)
        if now is None:
            made = make_concept(row.question, evidence, row.query, origin=row.origin)
            wanted = replace(made, formerly=row.formerly)
        else:
            wanted = _worded(replace(now, evidence=evidence), self._question(row, was, now))
        if wanted != now:
            if now is None or wanted.id != now.id:
                self._refuse_twins(row, wanted)
            self.changes.append(Add(wanted) if now is None else Edit(now, wanted))
        self.after[row.id] = wanted
        if name is not None:
            self.today[name] = wanted

    def missing(self) -> list[Drop]:
        """Concepts that the file lacks; those that came after the export are none of its matter.

        Raises:
            KnowledgeError: One was changed since.
        """
        named = {self.names.get(each.id) for each in self.edited.bank}
        if self.base is None:
            return [Drop(each) for each in self.current.bank if each.id not in named]
        found: dict[str, Drop] = {}
        for was in self.base.bank:
            name = self.names.get(was.id)
            if name is None or name in named:
                continue
            now = self.current.bank[name]
            if (now.question, set(now.evidence)) != (was.question, set(was.evidence)):
                raise KnowledgeError(
                    f"{self.edited.place} lacks `{was.question}`, which was changed in the bank since the "
                    f"export; {AGAIN}."
                )
            found[name] = Drop(now)
        return list(found.values())

    def _question(self, row: Concept, was: Concept | None, now: Concept) -> str:
        """The wording that a row asks for.

        Raises:
            KnowledgeError: The concept was reworded otherwise since.
        """
        asked = " ".join(row.question.split())
        exported = was.question if was is not None else now.question
        as_exported = asked == exported if was is not None else concept_id(asked) == row.id
        if asked == now.question or (as_exported and (was is not None or now.id != row.id)):
            return now.question
        if now.question != exported or (was is None and now.id != row.id):
            raise KnowledgeError(
                f"{self.edited.where(row.id)} rewords {row.id}, which has become `{now.question}` since the "
                f"export; {AGAIN}."
            )
        return asked

    def _require_unchanged(self, row: Concept, was: Concept) -> None:
        """A row about a concept that was dropped since must be as it was exported."""
        quotes = self.quotes.wanted(row, was, was)
        theirs, ours = self.edited.by_cell(), (self.base or self.current).by_cell()
        cells = [(row.id, name) for name in self.edited.classes if self.edited.complete]
        same = all(given(theirs.get(cell)) == given(ours.get(cell)) for cell in cells)
        if " ".join(row.question.split()) != was.question or set(quotes) != set(was.evidence) or not same:
            raise KnowledgeError(
                f"{self.edited.where(row.id)} changes {row.id}, which was dropped from the bank since the "
                f"export; take it back with `knobo concepts undo`, or leave the row as exported."
            )

    def _refuse_twins(self, row: Concept, wanted: Concept) -> None:
        """A row may not ask what another row, or a concept that it is not about, asks already."""
        twin = next((name for name, each in self.after.items() if each.id == wanted.id), None)
        taken = {*self.current.bank.ids, *(each.id for each in self.today.values())}
        if twin is not None or wanted.id in taken:
            other = self.edited.where(twin) if twin is not None else "the bank"
            raise KnowledgeError(
                f"{self.edited.where(row.id)} asks `{wanted.question}`, and so does "
                f"{other[0].lower() + other[1:]}; merge the two with `knobo concepts merge` instead."
            )


def _worded(concept: Concept, question: str) -> Concept:
    """The concept with a question; another one gives it another id."""
    if question == concept.question:
        return concept
    made = make_concept(question, concept.evidence, concept.query, origin=concept.origin)
    formerly = tuple(dict.fromkeys((*concept.formerly, concept.id)))
    return replace(made, formerly=formerly if made.id != concept.id else concept.formerly)
