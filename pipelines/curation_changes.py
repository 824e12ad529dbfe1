"""Turns what a person asks for into changes of a run's bank, and says what to look at in the result."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from knowledge.concepts import Concept, ConceptBank, make_concept
from knowledge.curation.changes import Undo
from knowledge.curation.checks import class_leaks, weak_quotes
from knowledge.curation.concept_changes import Add, Edit, Merge, union
from knowledge.curation.lookup import find_quote, find_source
from knowledge.curation.replay import undo
from knowledge.curation.sign_change import Sign
from knowledge.curation.signed_bank import GIVEN
from pipelines.concept_list import rejected_concept
from pipelines.curation import OpenBank
from pipelines.errors import PipelineError
from pipelines.standing_signs import standing_place

WORDS = {"for": 1.0, "against": -1.0, "abstain": 0.0}


def reworded(opened: OpenBank, before: Concept, question: str) -> Edit:
    """The same concept in other words.

    Raises:
        PipelineError: No question, the same as before, or one that another concept asks.
    """
    made = checked(opened, question, unless=(before.id,))
    if made.question == before.question:
        raise PipelineError(f"the concept {before.id} asks `{before.question}` already")
    formerly = before.formerly if made.id == before.id else (*before.formerly, before.id)
    after = replace(before, id=made.id, question=made.question, formerly=formerly)
    return Edit(before, after)


def merged(opened: OpenBank, members: Sequence[Concept], question: str | None) -> Merge:
    """Several concepts as one.

    Raises:
        PipelineError: They are one and the same.
    """
    ids = tuple(dict.fromkeys(each.id for each in members))
    if len(ids) < len(members):
        names = [each.id for each in members]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise PipelineError(f"{twice} is named twice; name each concept to merge once")
    made = members[0] if question is None else checked(opened, question, unless=ids)
    formerly = union(*((*each.formerly, each.id) for each in members))
    after = replace(
        members[0],
        id=made.id,
        question=made.question,
        evidence=union(*(each.evidence for each in members)),
        formerly=tuple(name for name in formerly if name != made.id),
    )
    return Merge(tuple(members), after)


def added(opened: OpenBank, question: str, *, quote: str | None, passage_id: str | None, expert: bool) -> Add:
    """A concept of a person.

    Raises:
        PipelineError: Neither a quotation nor --expert is given, or both.
    """
    if expert == (quote is not None):
        raise PipelineError(
            "a concept needs either --quote with words of a passage or --expert, which marks it as yours "
            "without literature"
        )
    made = checked(opened, question)
    evidence = (
        () if quote is None else (find_source(quote, made.question, opened.passages, passage_id=passage_id),)
    )
    return Add(replace(made, evidence=evidence, origin="expert"))


def accepted(opened: OpenBank, prefixes: Sequence[str]) -> list[Add]:
    """Refused candidates taken in; what they rest on stays as it was."""
    found = [rejected_concept(opened.run, each) for each in prefixes]
    for concept in found:
        if concept.id in opened.bank.ids:
            raise PipelineError(f"{concept.id} is in the bank already")
    return [Add(replace(each, origin="expert")) for each in dict.fromkeys(found)]


def cited(opened: OpenBank, before: Concept, quote: str, *, passage_id: str | None) -> Edit:
    """A concept with a further quotation.

    Raises:
        PipelineError: It rests on that quotation already.
    """
    evidence = find_quote(quote, opened.passages, passage_id=passage_id)
    if evidence in before.evidence:
        raise PipelineError(f"the concept {before.id} rests on that quotation already")
    evidence = find_source(quote, before.question, opened.passages, passage_id=evidence.passage_id)
    return Edit(before, replace(before, evidence=(*before.evidence, evidence)))


def signed(opened: OpenBank, concept: Concept, class_name: str, value: str) -> Sign:
    """An expert's sign, given or taken back.

    Raises:
        PipelineError: No such class, no such sign, or nothing to take back.
    """
    if class_name not in opened.classes:
        raise PipelineError(f"the run has no class {class_name!r}; it has {', '.join(opened.classes)}")
    old = next(
        (
            each
            for each in opened.curated.signs
            if (each.concept_id, each.class_name) == (concept.id, class_name)
        ),
        None,
    )
    before = old.sign if old is not None and old.source in GIVEN else None
    after = sign_value(value)
    if after is None and before is None:
        place = standing_place(opened.run, opened.bank, concept.id, class_name)
        if place is not None:
            raise PipelineError(
                f"the sign of {concept.id} for {class_name} stands in {place}; change it there, or give "
                "another here"
            )
        raise PipelineError(
            f"nobody gave {concept.id} a sign for {class_name}, so there is none to take back"
        )
    return Sign(concept.id, concept.question, class_name, before, after)


def sign_value(text: str) -> float | None:
    """A sign in words or as a number; None for `none`."""
    if text == "none":
        return None
    try:
        value = WORDS[text] if text in WORDS else float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not -1 <= value <= 1:
        raise PipelineError(
            f"`{text}` is no sign; give for, against, abstain, a number from -1 to 1, or none"
        )
    return value


def undone(opened: OpenBank, number: int | None) -> Undo:
    """One entry taken back; by default the last that counts and is itself no undoing.

    Raises:
        PipelineError: The history is empty.
    """
    if number is None:
        changes = [entry.number for entry in opened.counting if entry.kind != "undo"]
        if not changes:
            raise PipelineError(f"{opened.run.directory} has no change that counts, so none can be undone")
        number = changes[-1]
    return undo(opened.discovered, opened.entries, number)


def checked(opened: OpenBank, question: str, *, unless: Sequence[str] = ()) -> Concept:
    """A question that no other concept asks."""
    made = make_concept(question, (), "", origin="expert")
    if not made.question.endswith("?") or len(made.question) < 5:
        raise PipelineError(f"`{made.question}` is no question; end it with a question mark")
    if made.id in opened.bank.ids and made.id not in unless:
        raise PipelineError(
            f"the concept {made.id} asks that already; use `knobo concepts merge` to make one of several"
        )
    return made


def remarks(opened: OpenBank, concept: Concept) -> list[str]:
    """What a person should look at in a concept just changed; `check` also looks for its like."""
    bank = ConceptBank((concept,))
    found = chain(class_leaks(bank, opened.class_terms), weak_quotes(bank, opened.passages))
    return [finding.reason for finding in found]
