import numpy as np
import pytest

from models.errors import ModelsError
from models.evaluation import metrics as single
from models.evaluation.bootstrap import bootstrap
from models.evaluation.intervals import draw_units, shared_draws

GROUPS = np.random.default_rng(9).integers(-1, 4, 500)


def methods(classes: int, *, images: int = 500, decimals: int = 9) -> tuple[np.ndarray, list[np.ndarray]]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, images)
    found = []
    for quality in (0.5, 1.5, 3.0):
        scores = np.exp(generator.normal(size=(images, classes)) + quality * np.eye(classes)[labels])
        found.append(np.round(scores / scores.sum(axis=1, keepdims=True), decimals))
    return labels, found


def patients(images: int = 500) -> list[str]:
    return [f"p{number % 170}" for number in range(images)]


@pytest.mark.parametrize("decimals", [9, 2])
@pytest.mark.parametrize("classes", [2, 3])
def test_all_together_equal_each_metric_by_itself(classes: int, decimals: int) -> None:
    labels, probabilities = methods(classes, decimals=decimals)
    draws = shared_draws(patients(), replicates=40, seed=1)
    found = bootstrap(labels, probabilities, draws, groups=GROUPS)
    assert set(found) == {*single.metrics_of(classes), *single.GROUP_METRICS}
    weights = draws.weights(slice(None), np.arange(500))
    for name, metric in single.metrics_of(classes).items():
        expected = [metric(labels, each, weights) for each in probabilities]
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-12, err_msg=name)
    worst = [single.worst_group_accuracy(labels, each, weights, groups=GROUPS) for each in probabilities]
    np.testing.assert_allclose(found["worst_group_accuracy"], worst, rtol=1e-12)
    odds = [single.equalised_odds_difference(labels, each, weights, groups=GROUPS) for each in probabilities]
    np.testing.assert_allclose(found["equalised_odds_difference"], odds, rtol=1e-12)


def test_small_blocks_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probabilities = methods(2)
    draws = shared_draws(patients(), replicates=50, seed=1)
    whole = bootstrap(labels, probabilities, draws)
    monkeypatch.setattr("models.evaluation.bootstrap.CELLS", 7 * 500)
    monkeypatch.setattr("models.evaluation.bootstrap.METHODS", 2)
    monkeypatch.setattr("models.evaluation.metrics.ranks.CELLS", 3 * 500)
    monkeypatch.setattr("models.evaluation.metrics.ranks.LEAST", 1)
    told: list[tuple[int, int]] = []
    parts = bootstrap(labels, probabilities, draws, progress=lambda done, total: told.append((done, total)))
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-11, atol=1e-13, err_msg=name)
    assert told == sorted(told)
    assert told[-1] == (3 * 51, 3 * 51)


def test_the_same_draws_give_the_same_bytes() -> None:
    labels, probabilities = methods(2)
    first, second = (
        bootstrap(labels, probabilities, shared_draws(patients(), replicates=30, seed=2)) for _ in range(2)
    )
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_each_method_has_its_own_threshold() -> None:
    labels, probabilities = methods(2)
    draws = draw_units(patients(), replicates=10, generator=np.random.default_rng(0))
    names, thresholds = ["sensitivity", "net_benefit"], [0.2, 0.5, 0.8]
    found = bootstrap(labels, probabilities, draws, metrics=names, thresholds=thresholds)
    assert list(found) == names
    weights = draws.weights(slice(None), np.arange(500))
    for name in names:
        expected = [
            single.ALL_METRICS[name](labels, each, weights, threshold=threshold)  # type: ignore[call-arg]
            for each, threshold in zip(probabilities, thresholds, strict=True)
        ]
        np.testing.assert_allclose(found[name], expected, rtol=1e-12)


def test_one_patient_is_drawn_as_a_whole_or_not_at_all() -> None:
    labels, probabilities = methods(2, images=60)
    found = bootstrap(labels, probabilities, shared_draws(["only"] * 60, replicates=40, seed=0))
    for name, values in found.items():
        if name not in {"ece", "brier_reliability", "brier_resolution"}:  # quantiles of w copies depend on w
            spread = np.nanmax(values, axis=1) - np.nanmin(values, axis=1)
            np.testing.assert_allclose(spread, 0, atol=1e-9, err_msg=name)
    assert np.isnan(found["accuracy"][0]).any()


def test_no_images_give_no_numbers() -> None:
    none = np.zeros(0, dtype=np.int64)
    found = bootstrap(none, [np.zeros((0, 2))], shared_draws([], replicates=5, seed=0), groups=none)
    assert all(np.isnan(values).all() and values.shape == (1, 6) for values in found.values())


def test_an_unknown_metric_and_one_without_groups_are_told() -> None:
    labels, probabilities = methods(3)
    draws = shared_draws(patients(), replicates=2, seed=0)
    with pytest.raises(ModelsError, match=r"no metric 'sensitivity' of 3 classes; choose from accuracy"):
        bootstrap(labels, probabilities, draws, metrics=["sensitivity"])
    with pytest.raises(ModelsError, match="no metric 'worst_group_accuracy' of 3 classes without groups"):
        bootstrap(labels, probabilities, draws, metrics=["worst_group_accuracy"])


def test_draws_made_in_parts_are_those_made_at_once() -> None:
    draws = shared_draws(patients(), replicates=100, seed=3)
    whole, images = draws.drawn(slice(None), np.arange(500)), np.array([3, 400, 1, 3])
    assert whole.shape == (101, 500)
    for rows in (
        slice(0, 1),
        slice(0, 3),
        slice(1, 2),
        slice(2, 9),
        slice(5, 101),
        slice(98, 300),
        slice(50, 50),
    ):
        np.testing.assert_array_equal(draws.drawn(rows, images), whole[rows][:, images])
