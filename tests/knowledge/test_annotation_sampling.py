"""Which cells are asked, and what is kept of a killed run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.annotation.concept_shards import ConceptShards
from knowledge.annotation.language_model import LanguageModelAnnotator
from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.sampling import CellSampling, ReportSentences, sample_cells
from knowledge.annotation.shards import Shards
from knowledge.annotation.table import (
    AnnotationTable,
    Answer,
    Cells,
    Progress,
    Report,
    read_annotations,
    write_annotations,
)
from knowledge.concepts import Concept
from knowledge.language.protocol import Sampling

CONCEPTS = [
    Concept("heart", "Is the heart enlarged?", (), ""),
    Concept("effusion", "Is there a pleural effusion?", (), ""),
]
REPORTS = [
    Report("a", "The heart is enlarged. Clear lungs."),
    Report("b", "There is a pleural effusion. INDICATION: enlarged heart"),
    Report("c", ""),
    Report("d", "Clear lungs."),
]


class LetterEncoder:
    """Unit vectors of letter counts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        counts = np.array(
            [[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
        )
        return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), np.float32)


def test_similarity_is_that_of_the_nearest_sentence() -> None:
    encoder = LetterEncoder()
    compared = ReportSentences(REPORTS, encoder)
    found = compared.similarities(CONCEPTS)
    sentences = [
        ["The heart is enlarged", "Clear lungs"],
        ["There is a pleural effusion"],
        [],
        ["Clear lungs"],
    ]
    questions = LetterEncoder().encode([concept.question for concept in CONCEPTS])
    for row, group in enumerate(sentences):
        expected = (LetterEncoder().encode(group) @ questions.T).max(0) if group else [-2, -2]
        np.testing.assert_allclose(found[row], expected, atol=6e-5)
    assert len(encoder.texts) == len(set(encoder.texts)) == 5
    np.testing.assert_array_equal(compared.similarities(CONCEPTS[1:]), found[:, 1:])
    # a further question costs its own vector, for sentences are encoded once
    assert len(encoder.texts) == 6


def test_half_are_the_nearest_and_half_are_drawn_from_the_rest() -> None:
    similarity = np.random.default_rng(0).random((300, 2)).astype(np.float32)
    cells = sample_cells(similarity, CONCEPTS, CellSampling(nearest=40, random=60, seed=1))
    for column in range(2):
        nearest = np.argsort(-similarity[:, column])[:40]
        assert cells[nearest, column].all()
        assert cells[:, column].sum() == 100
        drawn = np.setdiff1d(np.flatnonzero(cells[:, column]), nearest)
        assert 0.3 < np.argsort(np.argsort(similarity[:, column]))[drawn].mean() / 260 < 0.7
    assert (cells[:, 0] != cells[:, 1]).any()
    again = sample_cells(similarity[:, ::-1], CONCEPTS[::-1], CellSampling(nearest=40, random=60, seed=1))
    np.testing.assert_array_equal(again[:, ::-1], cells)


def test_all_reports_are_asked_where_there_are_too_few() -> None:
    assert sample_cells(np.zeros((5, 2), np.float32), CONCEPTS, CellSampling(nearest=3, random=9)).all()


class CountingModel:
    """Yes to everything, and what it was asked."""

    digest = "counting"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        raise NotImplementedError

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        assert tuple(options) == ("Yes", "No")
        self.prompts += prompts
        return np.array(
            [[0.6, 0.4] if "N/A" in prompt.split("Text: ")[-1] else [0.99, 0.01] for prompt in prompts]
        )


CELLS = np.array([[True, False], [True, True], [False, True], [False, False]])


def test_cells_that_are_not_sampled_are_not_asked_and_marked(tmp_path: Path) -> None:
    model = CountingModel()
    asked = LanguageModelAnnotator(model).annotate(REPORTS, CONCEPTS, cells=CELLS)
    np.testing.assert_array_equal(asked.asked, CELLS)
    assert (asked.answer[~CELLS] == Answer.UNKNOWN).all()
    # two content-free prompts; two sentences about the heart; one about the heart and the effusion
    assert len(model.prompts) == 2 + 2 + 2
    ruled = RuleAnnotator(load_lexicon("chest_xray")).annotate(REPORTS, CONCEPTS, cells=CELLS)
    whole = RuleAnnotator(load_lexicon("chest_xray")).annotate(REPORTS, CONCEPTS)
    np.testing.assert_array_equal(ruled.asked, CELLS)
    np.testing.assert_array_equal(ruled.answer[CELLS], whole.answer[CELLS])
    write_annotations(tmp_path / "a.parquet", [asked, ruled])
    for table, written in zip(read_annotations(tmp_path / "a.parquet"), (asked, ruled), strict=True):
        np.testing.assert_array_equal(table.probability, written.probability)
        np.testing.assert_array_equal(table.asked, CELLS)


class FailingAnnotator:
    """Rules that give up at the third call."""

    name = "rules"
    digest = "1"

    def __init__(self, calls: int) -> None:
        self.rules = RuleAnnotator(load_lexicon("chest_xray"))
        self.left = calls
        self.read: list[str] = []

    def annotate(
        self,
        reports: Sequence[Report],
        concepts: Sequence[Concept],
        *,
        cells: Cells | None = None,
        progress: Progress | None = None,
    ) -> AnnotationTable:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.read += [report.id for report in reports]
        return self.rules.annotate(reports, concepts, cells=cells, progress=progress)


@pytest.mark.parametrize("cells", [None, CELLS])
def test_a_killed_annotation_goes_on_after_its_finished_shards(tmp_path: Path, cells: Cells | None) -> None:
    killed, second = FailingAnnotator(2), FailingAnnotator(9)
    with pytest.raises(KeyboardInterrupt):
        Shards(killed, tmp_path, size=1).annotate(REPORTS, CONCEPTS, cells=cells)
    seen: list[tuple[int, int]] = []
    table = Shards(second, tmp_path, size=1).annotate(
        REPORTS, CONCEPTS, cells=cells, progress=lambda done, total: seen.append((done, total))
    )
    assert (killed.read, second.read) == (["a", "b"], ["c", "d"])
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    whole = FailingAnnotator(1).annotate(REPORTS, CONCEPTS, cells=cells)
    assert table.report_ids == whole.report_ids
    np.testing.assert_array_equal(table.answer, whole.answer)
    np.testing.assert_array_equal(table.probability, whole.probability)


def test_other_reports_or_cells_are_other_shards(tmp_path: Path) -> None:
    annotator = FailingAnnotator(9)
    shards = Shards(annotator, tmp_path)
    shards.annotate(REPORTS, CONCEPTS)
    shards.annotate(REPORTS, CONCEPTS[:1])  # known from the larger bank
    shards.annotate(REPORTS, CONCEPTS, cells=CELLS)
    shards.annotate([*REPORTS[:3], Report("d", "Other words.")], CONCEPTS)
    assert annotator.left == 6
    shards.annotate(REPORTS, CONCEPTS, cells=CELLS)
    assert annotator.left == 6
    assert shards.annotate([], CONCEPTS).answer.shape == (0, 2)


def test_a_damaged_or_foreign_shard_is_written_anew(tmp_path: Path) -> None:
    first = FailingAnnotator(2)
    expected = Shards(first, tmp_path, size=2).annotate(REPORTS, CONCEPTS)
    paths = sorted(tmp_path.glob("*.parquet"))
    paths[0].write_bytes(paths[0].read_bytes()[:40])
    other = FailingAnnotator(1).annotate([Report("x", ""), Report("y", "")], CONCEPTS)
    write_annotations(paths[1], [other])
    second = FailingAnnotator(2)
    found = Shards(second, tmp_path, size=2).annotate(REPORTS, CONCEPTS)
    assert second.left == 0
    np.testing.assert_array_equal(found.answer, expected.answer)
    assert found.report_ids == expected.report_ids
    Shards(FailingAnnotator(0), tmp_path, size=2).annotate(REPORTS, CONCEPTS)


def test_a_dear_annotator_is_asked_each_cell_once(tmp_path: Path) -> None:
    model = CountingModel()
    kept = ConceptShards(LanguageModelAnnotator(model), tmp_path, size=3)
    first = kept.annotate(REPORTS, CONCEPTS[:1], cells=CELLS[:, :1])
    np.testing.assert_array_equal(first.asked, CELLS[:, :1])
    paid = len(model.prompts)
    assert paid == 1 + 3  # the content-free text, and the sentences of reports a and b
    again = kept.annotate(REPORTS, CONCEPTS, cells=CELLS)
    # only the effusion is new: the content-free text and one sentence of report b; report c has none
    assert all("effusion" in prompt.rsplit("Question: ", maxsplit=1)[-1] for prompt in model.prompts[paid:])
    assert len(model.prompts) == paid + 2
    whole = LanguageModelAnnotator(CountingModel()).annotate(REPORTS, CONCEPTS, cells=CELLS)
    np.testing.assert_array_equal(again.answer, whole.answer)
    np.testing.assert_array_equal(again.probability, whole.probability)
    everything = kept.annotate(REPORTS, CONCEPTS)
    assert everything.asked.all()
    asked = len(model.prompts)
    np.testing.assert_array_equal(kept.annotate(REPORTS, CONCEPTS, cells=CELLS).asked, CELLS)
    assert len(model.prompts) == asked
    assert kept.annotate([], CONCEPTS).answer.shape == (0, 2)
