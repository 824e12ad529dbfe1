"""The bank by itself: diversity, pairs, maps, and concept_audit.json."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.metrics.pairwise import cosine_similarity

from models.bottleneck import KnoBo
from models.concept_audit import BankDiversity, ConceptAudit, ConceptMap, Leak
from models.concept_audit.location import concept_locations, location_share, looked_at, upsample
from models.concept_audit.maps import concept_maps, fine_maps, pooled
from models.concept_audit.redundancy import bank_diversity, hard_pairs
from models.concept_audit.report import KINDS, join
from models.domains import DomainSplit
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding import Grounder, GroundingSettings, fit_grounders
from models.grounding.answers import Answers
from models.grounding.separation import compare
from models.scaling import Scaling, ScalingKind
from models.what_if.split_heads import SplitHeads

LEAK = Leak("s", "c", "view", "AP", 0.9, 0.8, 0.95, 0.1, None, None, 0.5, 100)


def make_grounder(kind: ScalingKind = ScalingKind.STANDARD) -> tuple[Grounder, FeatureTable]:
    """Four channels over 3 x 3 cells."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 36)).astype(np.float32)
    table = FeatureTable(tuple(f"i{n}" for n in range(80)), tuple(map(str, range(36))), values)
    answers = (values[:, [4, 20]] > 0).astype(np.float32)
    settings = GroundingSettings(replicates=5, scaling=kind)
    return fit_grounders(table, answers, concept_ids=("a", "b"), settings=settings), table


def test_diversity_is_the_mean_over_pairs_as_published_and_over_all_entries_as_released() -> None:
    vectors = np.random.default_rng(0).normal(size=(7, 5))
    found = bank_diversity(vectors, of="questions")
    apart = 1 - cosine_similarity(vectors)
    pairs = [apart[row, column] for row in range(7) for column in range(7) if row != column]
    assert found.diversity == pytest.approx(sum(pairs) / (7 * 7 - 7), abs=1e-6)
    np.fill_diagonal(apart, 1)  # as the released code has it
    assert found.as_released == pytest.approx(apart.mean(), abs=1e-6)
    assert found.nearest == pytest.approx(
        np.mean([max(np.delete(1 - apart[row], row)) for row in range(7)]), abs=1e-6
    )


def test_a_bank_of_one_concept_said_thrice_counts_as_one_and_perpendicular_ones_as_many() -> None:
    assert bank_diversity(np.tile([1.0, 2.0], (3, 1)), of="scores").effective == pytest.approx(1, abs=1e-4)
    assert bank_diversity(5 * np.eye(4), of="scores").effective == pytest.approx(4, abs=1e-4)


def test_pairs_are_counted_as_the_grounders_count_them() -> None:
    rng = np.random.default_rng(1)
    answers = rng.integers(0, 2, (200, 4)).astype(float)
    answers[:, 1] = answers[:, 0]
    answers[:3, 1] = 1 - answers[:3, 1]
    answers[rng.random(answers.shape) < 0.2] = np.nan
    scores = rng.random((50, 4))
    scores[:, 3] = 1 - scores[:, 2] + 0.01 * rng.random(50)
    found = hard_pairs(("a", "b", "c", "d"), answers=answers, scores=scores)
    known, yes = ~np.isnan(answers).T, (answers >= 0.5).T
    counts = known.astype(np.float32)
    both, differ = compare(Answers(known, yes, counts * yes, counts))
    assert [(pair.first, pair.second) for pair in found] == [("a", "b"), ("c", "d")]
    assert (found[0].n_both, found[0].n_differ) == (both[0, 1], differ[0, 1])
    assert found[1].correlation == pytest.approx(np.corrcoef(scores[:, 2], scores[:, 3])[0, 1], abs=1e-6)
    assert found[0].cosine is None


def test_questions_alike_are_named_and_pairs_never_asked_together_are_not() -> None:
    answers = np.full((40, 3), np.nan)
    answers[:20, 0] = answers[20:, 1] = 1
    scores = np.random.default_rng(0).random((50, 3))
    assert hard_pairs(("a", "b", "c"), answers=answers, scores=scores) == ()
    vectors = np.array([[1.0, 0, 0], [0.99, 0.1, 0], [0, 0, 1]])
    (pair,) = hard_pairs(("a", "b", "c"), answers=answers, scores=scores, vectors=vectors)
    assert (pair.first, pair.second, pair.n_both) == ("a", "b", 0)


@pytest.mark.parametrize("kind", [ScalingKind.STANDARD, ScalingKind.NONE, ScalingKind.UNIT])
def test_the_mean_of_a_map_and_the_bias_are_the_detectors_logit(kind: ScalingKind) -> None:
    grounder, table = make_grounder(kind)
    maps = concept_maps(grounder, table.values, concept_ids=("b", "a"), cells=3)
    assert maps.shape == (80, 2, 3, 3)
    scores = grounder.probabilities(table.values).astype(np.float64)
    found = maps.mean(axis=(2, 3)) + grounder.bias[::-1]
    assert found == pytest.approx(logit(scores)[:, ::-1], abs=1e-4)


def test_a_cell_of_the_map_moves_with_its_own_features_alone() -> None:
    grounder, table = make_grounder()
    before = concept_maps(grounder, table.values[:1], concept_ids=("a",), cells=3)[0, 0]
    changed = table.values[:1].copy()
    changed.reshape(4, 3, 3)[:, 1, 2] += 5
    after = concept_maps(grounder, changed, concept_ids=("a",), cells=3)[0, 0]
    moved = np.argwhere(np.abs(after - before) > 1e-9).tolist()
    assert moved == [[1, 2]]


def test_features_without_that_grid_are_refused() -> None:
    grounder, table = make_grounder()
    with pytest.raises(ModelsError, match="5 x 5 cells"):
        concept_maps(grounder, table.values, concept_ids=("a",), cells=5)


@pytest.mark.parametrize("kind", [ScalingKind.STANDARD, ScalingKind.NONE, ScalingKind.UNIT])
def test_the_mean_of_a_fine_map_and_the_bias_are_the_logit_of_the_cells_averages(kind: ScalingKind) -> None:
    grounder, _ = make_grounder(kind)
    inner = np.random.default_rng(5).normal(size=(6, 4, 14, 11)).astype(np.float32)
    features = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(inner), 3).flatten(1).numpy()
    assert pooled(inner, 3) == pytest.approx(features, abs=1e-5)
    maps = fine_maps(grounder, inner, concept_ids=("a", "b"), cells=3)
    assert maps.shape == (6, 2, 14, 11)
    scores = grounder.probabilities(features).astype(np.float64)
    assert maps.mean(axis=(2, 3)) + grounder.bias == pytest.approx(logit(scores), abs=1e-4)
    as_large = fine_maps(grounder, features.reshape(6, 4, 3, 3), concept_ids=("a", "b"), cells=3)
    assert as_large == pytest.approx(concept_maps(grounder, features, concept_ids=("a", "b"), cells=3))


def test_upsampling_is_torchs_bilinear_interpolation() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, 3, 4))
    expected = torch.nn.functional.interpolate(torch.from_numpy(maps), (48, 48), mode="bilinear")
    assert upsample(maps) == pytest.approx(expected.numpy())


def test_the_place_of_a_finding_is_where_the_map_is_highest() -> None:
    maps = np.zeros((3, 2, 3, 3))
    maps[:, :, 0, 2] = 1
    marked = looked_at(maps, area=0.1)
    assert marked.mean(axis=(2, 3)) == pytest.approx(0.1, abs=1e-3)
    centres = np.full((3, 2, 2), np.nan)
    centres[0, 0], centres[1, 1], centres[2, 0] = (0.1, 0.9), (0.9, 0.1), (0.05, 0.999)
    share, count = location_share(marked, centres)
    assert share == pytest.approx(2 / 3)
    assert count == 3
    share, count = location_share(marked, np.full((3, 2, 2), np.nan))
    assert np.isnan(share)
    assert count == 0


def test_what_is_saved_is_read_again_and_equal_audits_give_equal_bytes(tmp_path: Path) -> None:
    found = ConceptMap("s", "shifted", "i", "c", 1, 2, (0.5, -1.0), 0.1, 0.7, 0.2)
    audit = ConceptAudit(
        leaks=(LEAK,),
        maps=(found,),
        diversity=(BankDiversity("scores", 2, 0.5, 0.75, 1.5, 0.5),),
        notes=("A sentence.",),
    )
    audit.save(tmp_path / "a.json")
    replace(audit).save(tmp_path / "b.json")
    assert ConceptAudit.load(tmp_path / "a.json") == audit
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert {*KINDS, "notes"} == {field.name for field in fields(ConceptAudit)}


def test_audits_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "concept_audit.json"
    with pytest.raises(ModelsError, match="run the concept audit first"):
        ConceptAudit.load(path)
    path.write_text("{", "utf-8")
    with pytest.raises(ModelsError, match="damaged"):
        ConceptAudit.load(path)
    path.write_text('{"schema": 99}', "utf-8")
    with pytest.raises(ModelsError, match="schema 1"):
        ConceptAudit.load(path)
    ConceptAudit(leaks=(LEAK,)).save(path)
    content = json.loads(path.read_bytes())
    del content["leaks"][0]["auroc"]
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ModelsError, match="damaged"):
        ConceptAudit.load(path)


def test_joined_audits_rank_their_leaks_together() -> None:
    weak = replace(LEAK, concept_id="weak", auroc=0.6, low=0.45, high=0.7)
    inverse = replace(LEAK, concept_id="inverse", auroc=0.02, low=0.01, high=0.05)
    joined = join([ConceptAudit(leaks=(weak,), notes=("one",)), ConceptAudit(leaks=(LEAK, inverse))])
    assert [leak.concept_id for leak in joined.leaks] == ["inverse", "c", "weak"]
    assert [leak.leaking for leak in joined.leaks] == [True, True, False]
    assert joined.notes == ("one",)


def test_location_asks_for_the_concepts_that_speak_loudest_and_whose_place_is_known() -> None:
    ids = tuple(f"i{n}" for n in range(30))
    rng = np.random.default_rng(0)
    maps = {(image, name): rng.random((3, 3)) for image in ids for name in ("a", "b")}

    class Drawn:
        def draw(self, image: str, concept_ids: Sequence[str]) -> NDArray[np.float64]:
            return np.stack([maps[image, name] for name in concept_ids])

    centres = {}
    for image in ids[:20]:
        row, column = np.unravel_index(maps[image, "b"].argmax(), (3, 3))
        centres[image] = {"b": ((int(row) + 0.5) / 3, (int(column) + 0.5) / 3)}
    prior = np.zeros((2, 2), np.float32)
    scaling = Scaling.fit(ScalingKind.NONE, np.zeros((1, 2)))
    head = KnoBo(("x", "y"), ("a", "b"), np.array([[1, 2], [-1, -2]], np.float32), prior, scaling)
    scores = np.ones((30, 2), np.float32)
    split = DomainSplit("s", ("x", "y"), "", (), (), ids, (), dict.fromkeys(ids, "x"), {}, ())
    heads = SplitHeads(split, (head,), FeatureTable(ids, ("a", "b"), scores))
    (images,) = heads.domains()
    rows = concept_locations(heads, images, centres, Drawn())
    assert [(row.top, row.n) for row in rows] == [(1, 20)] * 3
    assert [row.area for row in rows] == pytest.approx([1 / 12, 1 / 4, 1 / 2], abs=1e-6)
    assert [row.share for row in rows] == [1, 1, 1]
    assert rows[0].base < 0.6
    assert concept_locations(heads, images, {}, Drawn()) == ()
