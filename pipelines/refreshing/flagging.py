"""What in production rests on articles that were withdrawn since."""

from collections.abc import Iterator, Mapping

from knowledge.concepts import Concept, Evidence
from knowledge.curation.places import places
from knowledge.passages import Passage
from pipelines.concept_list import kept_of
from pipelines.curation import OpenBank
from pipelines.refreshing.outcome import Flag


def flags(opened: OpenBank, literature: Mapping[str, Passage]) -> tuple[Flag, ...]:
    """Quotations of the bank in force that the refreshed literature holds no longer, or as retracted."""
    evidence = {each for concept in opened.bank for each in concept.evidence}
    standing = places(evidence, literature)
    withdrawn = {each: why for each in evidence if (why := _why(each, standing, opened, literature))}
    used = kept_of(opened.run) if withdrawn else set()
    return tuple(
        flag for concept in opened.bank for flag in _of(concept, withdrawn, opened, concept.id in used)
    )


def _why(
    evidence: Evidence,
    standing: Mapping[Evidence, Evidence],
    opened: OpenBank,
    literature: Mapping[str, Passage],
) -> str:
    """`retracted` or `gone`; empty where nothing happened to it."""
    before = opened.passages.get(evidence.passage_id)
    if before is None or before.retracted:
        return ""
    if evidence not in standing:
        return "gone"
    return "retracted" if literature[standing[evidence].passage_id].retracted else ""


def _of(concept: Concept, withdrawn: Mapping[Evidence, str], opened: OpenBank, used: bool) -> Iterator[Flag]:
    alone = all(each in withdrawn for each in concept.evidence)
    for each in concept.evidence:
        if each in withdrawn:
            yield Flag(
                concept_id=concept.id,
                question=concept.question,
                quote=each.quote,
                passage_id=each.passage_id,
                locator=opened.passages[each.passage_id].locator,
                why="retracted" if withdrawn[each] == "retracted" else "gone",
                alone=alone,
                used=used,
            )
