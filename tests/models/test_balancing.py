import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.acquisition.balancing import balanced_row_weights
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding import fit_grounders
from models.grounding.grounder import GroundingSettings

Columns = dict[str, tuple[str | None, ...]]


def make_answers(rows: int, *, seed: int = 0) -> tuple[NDArray[np.float32], Columns]:
    """Two concepts whose yes is three times as frequent in AP as in PA; a scanner that goes with the view."""
    generator = np.random.default_rng(seed)
    lying = generator.random(rows) < 0.4
    answers = (generator.random((rows, 2)) < np.where(lying, 0.6, 0.2)[:, None]).astype(np.float32)
    answers[generator.random((rows, 2)) < 0.1] = np.nan
    second = generator.random(rows) < np.where(lying, 0.7, 0.3)
    views = tuple("AP" if each else "PA" for each in lying)
    return answers, {"view": views, "scanner": tuple("B" if each else "A" for each in second)}


def shares(values: tuple[str | None, ...], level: str, weights: NDArray[np.floating]) -> float:
    return float(weights[np.array([value == level for value in values])].sum() / weights.sum())


def test_each_attribute_has_the_same_shares_within_each_answer() -> None:
    answers, attributes = make_answers(800)
    weights = balanced_row_weights(answers, attributes)
    for column, answer in enumerate(answers.T):
        known = ~np.isnan(answer)
        for name, level in (("view", "AP"), ("scanner", "B")):
            expected = shares(attributes[name], level, known.astype(float))
            for side in (answer >= 0.5, answer < 0.5):
                found = shares(attributes[name], level, weights[:, column] * side)
                assert found == pytest.approx(expected, abs=1e-6)


def test_one_attribute_alone_is_weighed_by_a_quotient_of_shares() -> None:
    answers, attributes = make_answers(400)
    weights = balanced_row_weights(answers, {"view": attributes["view"]})
    answer, lying = answers[:, 0], np.array([value == "AP" for value in attributes["view"]])
    known, yes = ~np.isnan(answer), answer >= 0.5
    wanted, held = lying[known].mean(), lying[yes].mean()
    assert weights[yes & lying, 0] == pytest.approx(wanted / held)
    assert weights[yes & ~lying, 0] == pytest.approx((1 - wanted) / (1 - held))
    assert weights[~known, 0] == pytest.approx(1)


def test_no_image_counts_more_than_the_limit() -> None:
    answers = np.zeros((2000, 1), np.float32)
    answers[:101] = 1
    views = ("AP", *("PA",) * 100, *("AP",) * 1000, *("PA",) * 899)
    weights = balanced_row_weights(answers, {"view": views}, limit=5)
    assert weights.max() == pytest.approx(5)
    assert weights.min() >= 1 / 5


def test_a_level_without_such_an_answer_leaves_the_others_balanced() -> None:
    answers, attributes = make_answers(600)
    lateral = ("LL",) * 50 + attributes["view"][50:]
    answers[:50] = 0
    weights = balanced_row_weights(answers, {"view": lateral})
    known = np.array([value != "LL" for value in lateral]) & ~np.isnan(answers[:, 0])
    expected = shares(lateral, "AP", known.astype(float))
    assert shares(lateral, "AP", weights[:, 0] * (answers[:, 0] >= 0.5)) == pytest.approx(expected)


def test_images_of_unknown_view_keep_their_weight() -> None:
    answers, attributes = make_answers(500)
    hidden: Columns = {"view": (*(None,) * 100, *attributes["view"][100:])}
    weights = balanced_row_weights(answers, hidden)[:100]
    assert weights == pytest.approx(1)


def test_a_grounder_fitted_with_them_says_less_of_the_view() -> None:
    answers, attributes = make_answers(1500)
    generator = np.random.default_rng(1)
    lying = np.array([value == "AP" for value in attributes["view"]])
    seen = np.nan_to_num(answers, nan=0.5) + generator.normal(size=answers.shape)
    values = np.concatenate([seen, 2 * lying[:, None] + generator.normal(size=(1500, 1))], axis=1)
    table = FeatureTable(
        tuple(map(str, range(1500))), tuple(map(str, range(values.shape[1]))), values.astype(np.float32)
    )
    leaks = []
    for weights in (None, balanced_row_weights(answers, attributes)):
        grounder = fit_grounders(
            table,
            answers,
            concept_ids=["a", "b"],
            row_weights=weights,
            settings=GroundingSettings(replicates=20),
        )
        no = answers[:, 0] < 0.5
        leaks.append(roc_auc_score(lying[no], grounder.out_of_fold.values[no, 0]))
    assert leaks[0] > 0.6
    assert abs(leaks[1] - 0.5) < 0.06


def test_an_attribute_of_one_value_is_refused() -> None:
    with pytest.raises(ModelsError, match="has 1 values"):
        balanced_row_weights(np.zeros((20, 1)), {"view": ("PA",) * 20})
