"""What in production rests on articles that were withdrawn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from knowledge.concepts import Concept, Evidence
from knowledge.curation.places import places
from knowledge.curation.replay import replay
from knowledge.passages import Passage
from pipelines.concept_list import kept_of
from pipelines.curation import OpenBank
from pipelines.refreshing.outcome import Flag


@dataclass(frozen=True, slots=True)
class Standing:
    """Where quotations stand, as they were found.

    Attributes:
        now: In the literature in force.
        then: In the refreshed literature.
    """

    now: Mapping[Evidence, Evidence]
    then: Mapping[Evidence, Evidence]


def flags(opened: OpenBank, literature: Mapping[str, Passage]) -> tuple[Flag, ...]:
    """Quotations of the bank in force that the refreshed literature holds no longer, or as retracted.

    A concept that has lost all its quotations stays flagged after literature without them came into force,
    for it still answers: until somebody drops it or gives it a quotation that stands.
    """
    found = replay(opened.discovered, opened.entries).bank
    every = [each for concept in found for each in concept.evidence]
    standing = Standing(places(every, opened.passages), places(every, literature))
    used = kept_of(opened.run)
    return tuple(
        flag for concept in found for flag in _of(concept, opened, literature, standing, concept.id in used)
    )


def _of(
    concept: Concept, opened: OpenBank, literature: Mapping[str, Passage], standing: Standing, used: bool
) -> Iterator[Flag]:
    withdrawn = {each: _why(each, literature, standing) for each in concept.evidence}
    alone = all(withdrawn.values())
    for each, why in withdrawn.items():
        before = standing.now.get(each)
        if why is None or (before is None and not (alone and concept.origin == "literature")):
            continue  # what was never in the literature here is not withdrawn from it
        place = before or each
        yield Flag(
            concept_id=concept.id,
            question=concept.question,
            quote=each.quote,
            passage_id=place.passage_id,
            locator=opened.passages[place.passage_id].locator if before else place.passage_id,
            why=why,
            alone=alone,
            used=used,
        )


def _why(
    evidence: Evidence, literature: Mapping[str, Passage], standing: Standing
) -> Literal["retracted", "gone"] | None:
    """None where nothing happened to it."""
    if evidence not in standing.then:
        return "gone"
    return "retracted" if literature[standing.then[evidence].passage_id].retracted else None
