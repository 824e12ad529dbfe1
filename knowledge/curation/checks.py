"""What a clinician should look at in a bank, concept by concept: each finding with its reason."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept, ConceptBank
from knowledge.curation.places import document_of
from knowledge.passages import Passage
from knowledge.priors.table import Override
from knowledge.quotes import is_verbatim, missing_words
from knowledge.vocabulary import stems

SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)
OTHER = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at.

    Attributes:
        kind: `class_leak`, `unquoted`, `not_verbatim`, `unsupported`, `retracted`, `sole_source`,
            `one_sided`, `same_for_all`, `near_duplicate`, `same_finding`, `same_answers`, `signs_disagree`.
        concept_ids: One, or those that are alike: the first of them is the better kept.
        reason: One sentence that a clinician can check.
    """

    kind: str
    concept_ids: tuple[str, ...]
    reason: str


def class_leaks(bank: Iterable[Concept], classes: Sequence[ClassTerms]) -> Iterator[Finding]:
    """Questions that name a class, or a synonym of one: what they ask is the label itself."""
    for concept in bank:
        words = stems(concept.question)
        for each in classes:
            place = each.find(words)
            if place is not None:
                said = " ".join(words[slice(*place)])
                reason = f"It names the class {each.name}, as `{said}` (words are compared by their stems)."
                yield Finding("class_leak", (concept.id,), reason)


def weak_quotes(bank: Iterable[Concept], passages: Mapping[str, Passage]) -> Iterator[Finding]:
    """Questions without a quotation, with one that does not stand there, or with words that none holds."""
    for concept in bank:
        if not concept.evidence:
            reason = f"No passage is quoted for it; it is {_origin(concept)}."
            yield Finding("unquoted", (concept.id,), reason)
            continue
        for each in concept.evidence:
            passage = passages.get(each.passage_id)
            if passage is None or not is_verbatim(each, passage):
                there = "is not in the literature" if passage is None else "does not hold the quote"
                yield Finding("not_verbatim", (concept.id,), f"The passage {each.passage_id} {there}.")
        missing = missing_words(concept.question, [each.quote for each in concept.evidence])
        if missing:
            words = ", ".join(f"`{word}`" for word in sorted(missing))
            yield Finding("unsupported", (concept.id,), f"No quotation of it speaks of {words} (stems).")


def sources(bank: Iterable[Concept], passages: Mapping[str, Passage]) -> Iterator[Finding]:
    """Concepts that rest on a retracted article, or on a single document."""
    for concept in bank:
        cited = [passages[each.passage_id] for each in concept.evidence if each.passage_id in passages]
        retracted = {each.locator for each in cited if each.retracted}
        if retracted:
            rest = "nothing else" if all(each.retracted for each in cited) else "other sources, too"
            reason = f"It rests on a retracted article ({', '.join(sorted(retracted))}) and on {rest}."
            yield Finding("retracted", (concept.id,), reason)
        documents = {document_of(each.id) for each in cited}
        if len(documents) == 1:
            reason = f"Only one document speaks of it: {cited[0].locator} ({cited[0].source})."
            yield Finding("sole_source", (concept.id,), reason)


def one_sided(bank: Iterable[Concept]) -> Iterator[Finding]:
    """Questions about one side whose mirror image nobody asks."""
    concepts = tuple(bank)
    asked = {_words(concept.question) for concept in concepts}
    for concept in concepts:
        sides = {side.lower() for side in SIDE.findall(concept.question)}
        if len(sides) == 1:
            mirrored = SIDE.sub(lambda found: OTHER[found[1].lower()], concept.question)
            if _words(mirrored) not in asked:
                yield Finding("one_sided", (concept.id,), f"Nothing asks `{mirrored}`.")


def same_for_all(
    bank: Iterable[Concept], signs: Mapping[tuple[str, str], Override], classes: Sequence[str]
) -> Iterator[Finding]:
    """Concepts whose sign is the same for every class, or missing: the prior cannot use them."""
    for concept in bank:
        found = [signs.get((concept.id, name)) for name in classes]
        values = {each.sign if each is not None else 0.0 for each in found}
        if len(values) == 1 and len(classes) > 1:
            (value,) = values
            said = f"Its sign is {value:+g} for every class" if value else "It has no sign for any class"
            yield Finding("same_for_all", (concept.id,), f"{said}, so the prior tells no class by it.")


def signs_disagree(
    alike: Iterable[Finding], signs: Mapping[tuple[str, str], Override], classes: Sequence[str]
) -> Iterator[Finding]:
    """Concepts that ask the same and speak in opposite ways for a class, two by two."""
    pairs = dict.fromkeys(pair for each in alike for pair in combinations(each.concept_ids, 2))
    for pair in pairs:
        for name in classes:
            first, second = (signs.get((each, name)) for each in pair)
            if first is not None and second is not None and first.sign * second.sign < 0:
                reason = (
                    f"They are alike, yet {first.sign:+g} ({first.source}) and {second.sign:+g} "
                    f"({second.source}) for {name}."
                )
                yield Finding("signs_disagree", pair, reason)


def rank(bank: ConceptBank) -> dict[str, tuple[int, int]]:
    """Order in which the concepts of a pair are better kept: more quotations first, then the earlier."""
    return {each.id: (-len(each.evidence), place) for place, each in enumerate(bank)}


def _words(question: str) -> tuple[str, ...]:
    return tuple(stems(question))


def _origin(concept: Concept) -> str:
    match concept.origin:
        case "expert":
            return "an expert's own"
        case "imported":
            return "imported from another bank"
        case _:
            return "of the discovery, and its quotations were lost"
