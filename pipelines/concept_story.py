"""Everything about one concept, from the sentence it rests on to the last change of it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from knowledge.annotation.table import Answer, read_annotations
from knowledge.concepts import Concept, ConceptBank, Verdict
from knowledge.curation.journal import Entry
from knowledge.curation.replay import Curated
from knowledge.errors import KnowledgeError
from knowledge.rejections import read_rejections
from knowledge.verdicts import read_verdicts
from pipelines.concept_list import ConceptRow, concept_rows, rejected_concept
from pipelines.curation import OpenBank, open_bank
from pipelines.sign_story import SignBasis, sign_bases


@dataclass(frozen=True, slots=True)
class QuotedPassage:
    """A quote within its passage."""

    before: str
    quote: str
    after: str
    passage_id: str
    title: str
    locator: str
    source: str
    license: str
    year: int | None
    retracted: bool


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a concept.

    Attributes:
        row: As `list` has it.
        query: The retrieval query that led to it.
        passages: One a quotation.
        verdicts: Of the screening, also those on the concepts that it was made from.
        answers: One line a table of annotations.
        bases: What its signs rest on, by class, in the last run.
        formerly: Ids and, where known, questions that it was made from.
        history: Entries that concern it.
    """

    row: ConceptRow
    query: str
    passages: tuple[QuotedPassage, ...]
    verdicts: tuple[Verdict, ...]
    answers: tuple[str, ...]
    bases: tuple[SignBasis, ...]
    formerly: tuple[str, ...]
    history: tuple[Entry, ...]


def story_of(directory: Path, prefix: str) -> Story:
    """Of a concept in force, else of a refused candidate.

    Raises:
        KnowledgeError: Neither, or several fit.
    """
    opened = open_bank(directory)
    try:
        concept = opened.find(prefix)
    except KnowledgeError as not_in_bank:
        try:
            concept = rejected_concept(opened.run, prefix)
        except KnowledgeError:
            raise not_in_bank from None
        curated = Curated(ConceptBank((concept,)), (), ())
        opened = replace(opened, curated=curated)
    names = {concept.id, *concept.formerly}
    rejected = read_rejections(opened.run.path("rejected.jsonl"))
    verdicts = (
        *read_verdicts(opened.run.path("verdicts.jsonl")),
        *(verdict for item in rejected for verdict in item.verdicts),
    )
    return Story(
        row=next(row for row in concept_rows(opened) if row.id == concept.id),
        query=concept.query,
        passages=quoted(opened, concept),
        verdicts=tuple(each for each in verdicts if each.concept_id in names),
        answers=tuple(answers(opened, concept)),
        bases=sign_bases(opened, names),
        formerly=tuple(former(opened, concept)),
        history=history_of(opened, names),
    )


def quoted(opened: OpenBank, concept: Concept) -> tuple[QuotedPassage, ...]:
    """Passages around the quotations."""
    found = []
    for each in concept.evidence:
        passage = opened.passages.get(each.passage_id)
        if passage is not None:
            end = each.start + len(each.quote)
            found.append(
                QuotedPassage(
                    before=passage.text[: each.start],
                    quote=each.quote,
                    after=passage.text[end:],
                    passage_id=passage.id,
                    title=passage.title,
                    locator=passage.locator,
                    source=passage.source,
                    license=passage.license,
                    year=passage.year,
                    retracted=passage.retracted,
                )
            )
    return tuple(found)


def answers(opened: OpenBank, concept: Concept) -> list[str]:
    """How the reports answer, by annotator; nothing before the annotation."""
    path = opened.run.path("annotations.parquet")
    found = []
    for table in read_annotations(path) if path.is_file() else ():
        if concept.id in table.concept_ids:
            column = table.answer[:, table.concept_ids.index(concept.id)]
            yes, no, unknown = (
                int(np.sum(column == each)) for each in (Answer.YES, Answer.NO, Answer.UNKNOWN)
            )
            found.append(f"{table.annotator} reads yes {yes} times, no {no} and neither {unknown}")
    return found


def former(opened: OpenBank, concept: Concept) -> list[str]:
    """Ids that it was made from, each with its question where discovery still has it."""
    questions = {each.id: each.question for each in opened.discovered}
    return [f"{name} `{questions[name]}`" if name in questions else name for name in concept.formerly]


def entries_of(opened: OpenBank, prefix: str) -> tuple[Entry, ...]:
    """Entries about a concept, also one that is no longer in the bank."""
    try:
        concept = opened.find(prefix)
        names = {concept.id, *concept.formerly}
    except KnowledgeError:
        if not prefix.strip():
            raise
        known = {name for entry in opened.entries for name in entry.change.concept_ids}
        names = {name for name in known if name.startswith(prefix) or name.endswith(f"-{prefix}")}
        if not names:
            raise
    return history_of(opened, names)


def history_of(opened: OpenBank, names: set[str]) -> tuple[Entry, ...]:
    """Entries about any of the ids, and the undoing of such entries."""
    own = {entry.number for entry in opened.entries if names & set(entry.change.concept_ids)}
    for entry in opened.entries:
        if entry.kind == "undo" and own & set(getattr(entry.change, "numbers", ())):
            own.add(entry.number)
    return tuple(entry for entry in opened.entries if entry.number in own)
