import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.acquisition import cell_quality
from models.acquisition.cell_quality import CellQuality, ConceptCells, measure_in_cells
from models.acquisition.concept_choice import (
    Ranking,
    Trial,
    at_random,
    by_auroc,
    by_worst_cell,
    compare_choices,
)
from models.baselines.interface import Inputs, TrainingData
from models.baselines.knobo import Knobo
from models.baselines.prior_only import PriorOnly
from models.errors import ModelsError
from models.evaluation.intervals import bootstrap_weights
from models.features.table import FeatureTable
from models.grounding import fit_grounders
from models.grounding.grounder import Grounder, GroundingSettings
from models.heads.shared import HeadSettings
from models.scaling import ScalingKind


@dataclass(frozen=True)
class World:
    """Images lying (AP) or standing; 'seen' is in the features, 'device' only by way of the view.

    Attributes:
        grounder: Of the two concepts.
        answers: `(n, 2)`.
        views: `(n,)`.
    """

    grounder: Grounder
    answers: NDArray[np.float32]
    views: tuple[str, ...]


@pytest.fixture(scope="module")
def world() -> World:
    generator = np.random.default_rng(0)
    rows = 900
    lying = generator.random(rows) < 0.4
    seen = generator.random(rows) < 0.3
    device = generator.random(rows) < np.where(lying, 0.8, 0.1)
    values = np.stack([seen, 3 * lying], axis=1) + generator.normal(size=(rows, 2))
    answers = np.stack([seen, device], axis=1).astype(np.float32)
    answers[generator.random((rows, 2)) < 0.1] = np.nan
    table = FeatureTable(tuple(map(str, range(rows))), ("0", "1"), values.astype(np.float32))
    settings = GroundingSettings(replicates=200)
    grounder = fit_grounders(table, answers, concept_ids=["seen", "device"], settings=settings)
    return World(grounder, answers, tuple("AP" if each else "PA" for each in lying))


def test_a_cell_holds_the_images_of_one_level(world: World) -> None:
    for column, concept in enumerate(measure_in_cells(world.grounder, world.answers, {"view": world.views})):
        for cell in concept.cells:
            inside = np.array([view == cell.level for view in world.views])
            inside &= ~np.isnan(world.answers[:, column])
            answer, scores = world.answers[inside, column], world.grounder.out_of_fold.values[inside, column]
            assert cell.auroc == pytest.approx(roc_auc_score(answer, scores))
            assert (cell.n_yes, cell.n_no) == (int(answer.sum()), int((1 - answer).sum()))
            assert cell.auroc_low < cell.auroc < cell.auroc_high


def test_intervals_do_not_depend_on_how_many_replicates_are_in_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure_in_cells(world.grounder, world.answers, {"view": world.views})
    monkeypatch.setattr(cell_quality, "CELLS", 2000)
    tracemalloc.start()
    parts = measure_in_cells(world.grounder, world.answers, {"view": world.views})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert parts == whole
    assert peak < 8 * 200 * len(world.views) / 2  # half of all replicates in double precision
    weights = bootstrap_weights(
        world.grounder.out_of_fold.ids, replicates=200, generator=np.random.default_rng(0)
    )
    lying = np.array([view == "AP" for view in world.views]) & ~np.isnan(world.answers[:, 0])
    scores = world.grounder.out_of_fold.values[lying, 0]
    draws = [roc_auc_score(world.answers[lying, 0], scores, sample_weight=row) for row in weights[1:, lying]]
    low, high = np.quantile(draws, [0.025, 0.975])
    (cell,) = (each for each in whole[0].cells if each.level == "AP")
    assert (cell.auroc_low, cell.auroc_high) == pytest.approx((low, high))


def test_a_concept_that_only_detects_the_view_leads_overall_and_is_last_by_its_worst_cell(
    world: World,
) -> None:
    cells = measure_in_cells(world.grounder, world.answers, {"view": world.views})
    assert by_auroc(world.grounder).concept_ids == ("device", "seen")
    assert by_worst_cell(cells).concept_ids == ("seen", "device")
    worst = cells[1].worst
    assert worst is not None
    assert worst.auroc_low < 0.5 < worst.auroc_high


def test_cells_with_too_few_of_one_answer_are_left_out(world: World) -> None:
    few = world.answers.copy()
    lying = np.array([view == "AP" for view in world.views])
    few[np.flatnonzero(lying & (few[:, 0] == 1))[9:], 0] = np.nan
    cells = measure_in_cells(world.grounder, few, {"view": world.views}, minimum=10)
    assert [cell.level for cell in cells[0].cells] == ["PA"]
    assert [cell.level for cell in cells[1].cells] == ["AP", "PA"]


def test_concepts_without_a_measurable_cell_come_last() -> None:
    poor = CellQuality("view", "AP", n_yes=10, n_no=10, auroc=0.4, auroc_low=0.3, auroc_high=0.5)
    assert by_worst_cell([ConceptCells("b", ()), ConceptCells("a", (poor,))]).concept_ids == ("a", "b")


def test_answers_of_other_images_are_refused(world: World) -> None:
    with pytest.raises(ModelsError, match=r"answers have shape \(5, 2\)"):
        measure_in_cells(world.grounder, world.answers[:5], {"view": world.views})


def make_trial(*, seed: int = 0) -> Trial:
    """Concept 0 tells the class, concept 1 tells the view, which goes with the class until it is reversed."""
    generator = np.random.default_rng(seed)

    def part(rows: int, *, turned: bool = False) -> tuple[Inputs, NDArray[np.int64]]:
        labels = generator.integers(0, 2, rows)
        scores = np.stack([labels, 1 - labels if turned else labels], axis=1) * np.array([0.2, 0.6])
        scores = scores + generator.normal(size=(rows, 2)) * 0.1
        return Inputs(np.zeros((rows, 1), np.float32), scores.astype(np.float32)), labels

    train, labels = part(80)
    validation, validation_labels = part(40)
    in_domain, in_domain_labels = part(50)
    shifted, shifted_labels = part(50, turned=True)
    data = TrainingData(
        classes=("no", "yes"),
        concept_ids=("seen", "device"),
        prior=np.array([[-1, -1], [1, 1]], dtype=np.float32),
        train=train,
        train_labels=labels,
        validation=validation,
        validation_labels=validation_labels,
    )
    return Trial(data, in_domain, in_domain_labels, shifted, shifted_labels)


def test_the_table_shows_what_each_number_of_concepts_does() -> None:
    trial = make_trial()
    rankings = [Ranking("worst_cell", ("seen", "device")), Ranking("auroc", ("device", "seen"))]
    method = Knobo(HeadSettings(epochs=30, learning_rate=0.05, scaling=ScalingKind.CENTER))
    rows = compare_choices([trial], rankings, method=method, counts=[1, 2, 100], seeds=[0, 1])
    assert [(row.rule, row.concepts) for row in rows] == [
        ("worst_cell", 1),
        ("worst_cell", 2),
        ("auroc", 1),
        ("auroc", 2),
    ]
    assert rows[0].shifted > 0.7
    assert rows[2].shifted < 0.3
    assert rows[1].in_domain == rows[3].in_domain  # all concepts, whatever their order
    assert rows[2].average == pytest.approx((rows[2].in_domain + rows[2].shifted) / 2)


def test_rankings_by_one_rule_are_averaged() -> None:
    trials = [make_trial(seed=seed) for seed in range(2)]
    singles = [Ranking("random", ("seen", "device")), Ranking("random", ("device", "seen"))]
    settings = HeadSettings(epochs=1)
    method = PriorOnly(settings)
    alone = [
        compare_choices([trial], [ranking], method=method, counts=[1], seeds=[0])[0]
        for trial in trials
        for ranking in singles
    ]
    (together,) = compare_choices(trials, singles, method=method, counts=[1], seeds=[0])
    assert together.rankings == 2
    assert together.in_domain == pytest.approx(np.mean([row.in_domain for row in alone]))
    assert together.shifted == pytest.approx(np.mean([row.shifted for row in alone]))


def test_a_random_order_depends_on_its_seed_alone() -> None:
    concepts = [f"c{number}" for number in range(20)]
    assert at_random(concepts, seed=1) == at_random(concepts, seed=1)
    assert sorted(at_random(concepts, seed=1).concept_ids) == sorted(concepts)
    assert at_random(concepts, seed=1) != at_random(concepts, seed=2)
