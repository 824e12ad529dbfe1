"""The quotations of an imported bank, at the places where they stand in this literature."""

from collections.abc import Mapping, Sequence

from knowledge.concepts import Concept, Evidence
from knowledge.curation.concept_changes import union
from knowledge.curation.lookup import find_source, weakness
from knowledge.curation.places import places
from knowledge.curation.signed_bank import SignedBank
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.quotes import is_verbatim


class Quotes:
    """The quotations of the rows of a file; `notes` says what was left out."""

    def __init__(self, edited: SignedBank, passages: Mapping[str, Passage]) -> None:
        """Look up all quotations of the file at once."""
        self.edited, self.passages = edited, passages
        self.standing = places((each for concept in edited.bank for each in concept.evidence), passages)
        self.notes: list[str] = []

    def wanted(self, row: Concept, was: Concept | None, now: Concept | None) -> tuple[Evidence, ...]:
        """What the concept of a row is to rest on.

        What the row has otherwise than the export (`was`) is done to what the concept rests on now; a row
        that comes from elsewhere adds its quotations and takes none away.
        """
        known = now.evidence if now is not None else ()
        if now is not None and not self.edited.quoted:
            return known
        exported = was.evidence if was is not None else ()
        found = [self._here(each, row, (*exported, *known)) for each in row.evidence]
        quotes = union([each for each in found if each is not None])
        gone = set(exported) - set(quotes)
        fresh = [each for each in quotes if each not in exported]
        return union([each for each in known if each not in gone], fresh)

    def _here(self, evidence: Evidence, row: Concept, known: Sequence[Evidence]) -> Evidence | None:
        """At its place; None where it is left out."""
        here = self.standing.get(evidence)
        if here in known:
            return here
        passage = self.passages.get(evidence.passage_id)
        if passage is not None and is_verbatim(evidence, passage):
            return self._unless_weak(evidence, row)
        if evidence.passage_id and passage is None:
            if here is not None:
                return self._unless_weak(here, row)
            self._note(row, f"quotes {evidence.passage_id}, which this literature does not hold")
            return None
        try:
            return find_source(evidence.quote, row.question, self.passages)
        except KnowledgeError as error:
            raise KnowledgeError(f"{self.edited.where(row.id)}: {error}") from error

    def _unless_weak(self, evidence: Evidence, row: Concept) -> Evidence | None:
        """A quotation of another bank, taken over where it could be a source."""
        weak = weakness(evidence.quote, row.question)
        if weak:
            self._note(row, f"quotes `{evidence.quote[:40]}`, which {weak}")
        return None if weak else evidence

    def _note(self, row: Concept, what: str) -> None:
        self.notes.append(f"{self.edited.where(row.id)} {what}: the quotation is left out.")
