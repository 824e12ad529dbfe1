import numpy as np
import pytest

from models.evaluation.bootstrap import bootstrap
from models.evaluation.intervals import shared_draws
from models.evaluation.metrics import (
    ALL_METRICS,
    equalised_odds_difference,
    group_accuracy,
    point,
    worst_group_accuracy,
)

LABELS = np.random.default_rng(0).integers(0, 2, 400)
SECOND = np.random.default_rng(1).random(400)
PROBABILITIES = np.stack([1 - SECOND, SECOND], axis=1)
GROUPS = np.random.default_rng(2).integers(0, 3, 400)


def test_group_metrics_equal_fairlearn() -> None:
    from fairlearn.metrics import MetricFrame, equalized_odds_difference
    from sklearn.metrics import accuracy_score

    counts = np.random.default_rng(3).poisson(1, size=(5, 400))
    weights = counts.astype(float)
    odds = equalised_odds_difference(LABELS, PROBABILITIES, weights, groups=GROUPS)
    accuracy = group_accuracy(LABELS, PROBABILITIES, weights, groups=GROUPS)
    worst = worst_group_accuracy(LABELS, PROBABILITIES, weights, groups=GROUPS)
    for place, row in enumerate(counts):
        again = np.repeat(np.arange(400), row)
        labels, chosen, groups = LABELS[again], (SECOND > 0.5).astype(int)[again], GROUPS[again]
        frame = MetricFrame(metrics=accuracy_score, y_true=labels, y_pred=chosen, sensitive_features=groups)
        assert accuracy[place] == pytest.approx(frame.by_group.to_numpy(), abs=1e-9)
        assert worst[place] == pytest.approx(frame.group_min(), abs=1e-9)
        expected = equalized_odds_difference(labels, chosen, sensitive_features=groups)
        assert odds[place] == pytest.approx(expected, abs=1e-9)


def test_images_of_no_group_count_nowhere() -> None:
    known = GROUPS.copy()
    known[:100] = -1
    weights = np.ones((1, 400))
    found = equalised_odds_difference(LABELS, PROBABILITIES, weights, groups=known)
    rest = slice(100, None)
    expected = equalised_odds_difference(
        LABELS[rest], PROBABILITIES[rest], weights[:, rest], groups=GROUPS[rest]
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_a_group_without_weight_is_left_out_of_the_worst() -> None:
    weights = np.ones((2, 400))
    weights[1, GROUPS == 0] = 0
    each = group_accuracy(LABELS, PROBABILITIES, weights, groups=GROUPS)
    assert np.isnan(each[1, 0])
    worst = worst_group_accuracy(LABELS, PROBABILITIES, weights, groups=GROUPS)
    np.testing.assert_allclose(worst, [each[0].min(), each[1, 1:].min()])
    nobody = worst_group_accuracy(LABELS, PROBABILITIES, np.zeros((1, 400)), groups=GROUPS)
    assert np.isnan(nobody).all()


def test_odds_are_compared_where_two_groups_have_the_class() -> None:
    labels, groups = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0])
    second = np.array([0.9, 0.1, 0.9, 0.1])  # class 0: rates of class 1 are 1 and 0; class 1: one group
    probabilities, weights = np.stack([1 - second, second], axis=1), np.ones((1, 4))
    assert equalised_odds_difference(labels, probabilities, weights, groups=groups) == [1.0]
    alone = equalised_odds_difference(labels, probabilities, weights, groups=np.zeros(4, dtype=int))
    assert np.isnan(alone).all()


def test_odds_of_several_classes_are_the_widest_of_all_rates() -> None:
    generator = np.random.default_rng(4)
    labels, chosen, groups = (generator.integers(0, 3, 300) for _ in range(3))
    found = equalised_odds_difference(labels, np.eye(3)[chosen], np.ones((1, 300)), groups=groups)
    rates = [
        [np.mean(chosen[(labels == label) & (groups == group)] == decision) for group in range(3)]
        for label in range(3)
        for decision in range(3)
    ]
    assert found[0] == pytest.approx(np.ptp(rates, axis=1).max(), abs=1e-12)


def test_of_one_patient_every_replicate_repeats_the_sample_or_is_empty() -> None:
    draws = shared_draws(["p"] * 40, replicates=12, seed=0)
    found = bootstrap(LABELS[:40], [PROBABILITIES[:40]], draws, groups=GROUPS[:40])
    drawn = draws.drawn(slice(None), np.array([0]))[:, 0] > 0
    assert 1 < drawn.sum() < 13
    for name, (values,) in found.items():
        if name in ALL_METRICS:
            alone = point(ALL_METRICS[name], LABELS[:40], PROBABILITIES[:40])
            assert values[0] == pytest.approx(alone, abs=1e-9), name
        np.testing.assert_allclose(values[drawn], values[0], rtol=0, atol=1e-6, err_msg=name)
        assert np.isfinite(values[0])
        assert np.isnan(values[~drawn]).all()


def test_of_no_images_no_metric_exists() -> None:
    nobody = slice(0, 0)
    draws = shared_draws([], replicates=3, seed=0)
    found = bootstrap(LABELS[nobody], [PROBABILITIES[nobody]], draws, groups=GROUPS[nobody])
    assert set(ALL_METRICS) <= set(found)
    for values in found.values():
        assert values.shape == (1, 4)
        assert np.isnan(values).all()
