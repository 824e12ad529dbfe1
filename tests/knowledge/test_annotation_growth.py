"""A bank that grows asks its reports only what is new."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.shards import Shards
from knowledge.annotation.table import AnnotationTable, Cells, Progress, Report
from knowledge.concepts import Concept, make_concept

REPORTS = [
    Report(f"r{n}", text)
    for n, text in enumerate(("Large heart. No effusion.", "Rib fracture.", "Effusion. Heart not large.") * 3)
]
HEART, FLUID, RIB = (
    make_concept(question, (), "")
    for question in ("Is the heart large?", "Is there an effusion?", "Is there a rib fracture?")
)


class Counting(RuleAnnotator):
    """The rules, with a list of the concepts that were asked of each part."""

    def __init__(self) -> None:
        super().__init__(load_lexicon())
        self.asked: list[tuple[str, ...]] = []

    def annotate(
        self,
        reports: Sequence[Report],
        concepts: Sequence[Concept],
        *,
        cells: Cells | None = None,
        progress: Progress | None = None,
    ) -> AnnotationTable:
        self.asked.append(tuple(concept.id for concept in concepts))
        return super().annotate(reports, concepts, cells=cells, progress=progress)


def test_a_grown_and_reordered_bank_asks_the_new_concept_alone(tmp_path: Path) -> None:
    reader = Counting()
    Shards(reader, tmp_path, size=4).annotate(REPORTS, [HEART, FLUID])
    reader.asked.clear()
    found = Shards(reader, tmp_path, size=4).annotate(REPORTS, [RIB, FLUID, HEART])
    assert reader.asked == [(RIB.id,)] * 3
    expected = Counting().annotate(REPORTS, [RIB, FLUID, HEART])
    assert found.concept_ids == expected.concept_ids
    np.testing.assert_array_equal(found.answer, expected.answer)
    np.testing.assert_array_equal(found.probability, expected.probability)


def test_a_bank_that_only_lost_a_concept_asks_nothing(tmp_path: Path) -> None:
    reader = Counting()
    Shards(reader, tmp_path, size=4).annotate(REPORTS, [HEART, FLUID, RIB])
    reader.asked.clear()
    found = Shards(reader, tmp_path, size=4).annotate(REPORTS, [HEART, RIB])
    assert reader.asked == []
    np.testing.assert_array_equal(found.answer, Counting().annotate(REPORTS, [HEART, RIB]).answer)


def test_a_damaged_note_of_the_last_bank_is_passed_over(tmp_path: Path) -> None:
    Shards(Counting(), tmp_path, size=4).annotate(REPORTS, [HEART])
    for note in tmp_path.glob("*.json"):
        note.write_text("{", encoding="utf-8")
    reader = Counting()
    Shards(reader, tmp_path, size=4).annotate(REPORTS, [HEART, RIB])
    assert reader.asked == [(HEART.id, RIB.id)] * 3
