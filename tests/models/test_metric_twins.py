from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from models.evaluation import metrics as own

EXACT = {"rtol": 0, "atol": 1e-9}
Sample = tuple[np.ndarray, np.ndarray]


def drawn_at_random(images: int, *, classes: int, decimals: int, seed: int) -> Sample:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, images)
    scores = np.exp(1.5 * generator.normal(size=(images, classes)) + np.eye(classes)[labels])
    if classes == 2:
        second = np.round(scores[:, 1] / scores.sum(axis=1), decimals)
        return labels, np.stack([1 - second, second], axis=1)
    return labels, scores / scores.sum(axis=1, keepdims=True)


def two(labels: list[int], second: list[float]) -> Sample:
    return np.array(labels), np.stack([1 - np.array(second), second], axis=1)


SAMPLES = {
    "random": drawn_at_random(407, classes=2, decimals=9, seed=0),
    "rounded, so that scores tie": drawn_at_random(300, classes=2, decimals=1, seed=1),
    "certain ones among them": drawn_at_random(200, classes=2, decimals=0, seed=2),
    "all scores tie": two([0, 1, 1, 0, 1], [0.3] * 5),
    "in perfect order": two([0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.7, 0.9]),
    "in the wrong order": two([1, 1, 0, 0], [0.1, 0.2, 0.6, 0.7]),
    "two images": two([0, 1], [0.4, 0.3]),
    "class 0 absent": two([1, 1, 1], [0.1, 0.5, 0.9]),
    "class 1 absent": two([0, 0, 0, 0], [0.1, 0.5, 0.9, 0.5]),
}


def brier_of(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    return reference.brier_score_loss(labels, second, sample_weight=weights, pos_label=1, labels=[0, 1])


def f1_of(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    drawn = weights > 0  # scikit-learn counts a class of which nothing is drawn as F1 0
    chosen = second > 0.5
    return reference.f1_score(labels[drawn], chosen[drawn], sample_weight=weights[drawn], average="macro")


def recall_of(positive: int) -> Callable[[np.ndarray, np.ndarray, np.ndarray], float]:
    def recall(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
        if not weights[labels == positive].any():
            return np.nan
        return reference.recall_score(labels, second >= 0.5, pos_label=positive, sample_weight=weights)

    return recall


def accuracy_of(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    return reference.accuracy_score(labels, second > 0.5, sample_weight=weights)


def balanced_of(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    if not weights[labels == 0].any() or not weights[labels == 1].any():
        return np.nan
    return reference.balanced_accuracy_score(labels, second > 0.5, sample_weight=weights)


def auroc_of(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    if not weights[labels == 0].any() or not weights[labels == 1].any():
        return np.nan
    return reference.roc_auc_score(labels, second, sample_weight=weights)


def auprc_of(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    if not weights[labels == 1].any():
        return np.nan
    return reference.average_precision_score(labels, second, sample_weight=weights)


TWINS = {
    "accuracy": accuracy_of,
    "balanced_accuracy": balanced_of,
    "auroc": auroc_of,
    "auprc": auprc_of,
    "macro_f1": f1_of,
    "sensitivity": recall_of(1),
    "specificity": recall_of(0),
    "brier": brier_of,
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("name", TWINS)
def test_metrics_equal_scikit_learn_under_any_weights(name: str, sample: Sample) -> None:
    labels, probabilities = sample
    generator = np.random.default_rng(3)
    counts = generator.poisson(1, size=(6, len(labels)))
    weights = np.concatenate([np.ones((1, len(labels))), counts, generator.random((3, len(labels)))])
    weights = weights[weights.sum(axis=1) > 0]
    expected = [TWINS[name](labels, probabilities[:, 1], row) for row in weights]
    np.testing.assert_allclose(own.ALL_METRICS[name](labels, probabilities, weights), expected, **EXACT)


@pytest.mark.parametrize("name", ["auroc", "auprc", "macro_f1", "brier"])
def test_metrics_of_several_classes_equal_scikit_learn(name: str) -> None:
    labels, probabilities = drawn_at_random(300, classes=4, decimals=9, seed=4)
    weights = np.random.default_rng(5).poisson(1, size=(4, 300)).astype(float)
    twins = {
        "auroc": lambda row: reference.roc_auc_score(
            labels, probabilities, sample_weight=row, multi_class="ovr", average="macro"
        ),
        "auprc": lambda row: reference.average_precision_score(labels, probabilities, sample_weight=row),
        "macro_f1": lambda row: reference.f1_score(
            labels, probabilities.argmax(axis=1), sample_weight=row, average="macro"
        ),
        "brier": lambda row: reference.brier_score_loss(labels, probabilities, sample_weight=row),
    }
    expected = [twins[name](row) for row in weights]
    np.testing.assert_allclose(own.ALL_METRICS[name](labels, probabilities, weights), expected, **EXACT)


def bins_by_hand(events: np.ndarray, second: np.ndarray, bins: int) -> tuple[np.ndarray, ...]:
    """Share, frequency and mean probability of each bin that holds an image, as scikit-learn makes them."""
    observed, predicted = calibration_curve(events, second, n_bins=bins, strategy="quantile")
    edges = np.percentile(second, np.linspace(0, 100, bins + 1))
    counts = np.bincount(np.searchsorted(edges[1:-1], second), minlength=bins)
    return counts[counts > 0] / len(second), observed, predicted


@pytest.mark.parametrize("decimals", [9, 2, 1])
@pytest.mark.parametrize("bins", [10, 7])
def test_bins_are_those_of_scikit_learn_for_each_replicate(bins: int, decimals: int) -> None:
    labels, probabilities = drawn_at_random(331, classes=2, decimals=decimals, seed=6)
    weights = np.random.default_rng(7).poisson(1, size=(5, 331))
    found = own.ece(labels, probabilities, weights.astype(float), bins=bins)
    parts = own.brier_parts(labels, probabilities, weights.astype(float), bins=bins)
    for place, row in enumerate(weights):
        again = np.repeat(np.arange(331), row)
        events = labels[again]
        share, observed, predicted = bins_by_hand(events, probabilities[again, 1], bins)
        assert found[place] == pytest.approx(share @ np.abs(observed - predicted), abs=1e-9)
        assert parts.reliability[place] == pytest.approx(share @ (observed - predicted) ** 2, abs=1e-9)
        assert parts.uncertainty[place] == pytest.approx(events.var(), abs=1e-9)


def test_the_calibration_error_of_several_classes_is_that_of_the_most_probable_one() -> None:
    labels, probabilities = drawn_at_random(250, classes=3, decimals=9, seed=8)
    correct = (probabilities.argmax(axis=1) == labels).astype(int)
    share, observed, predicted = bins_by_hand(correct, probabilities.max(axis=1), own.BINS)
    assert own.point(own.ece, labels, probabilities) == pytest.approx(
        share @ np.abs(observed - predicted), abs=1e-9
    )


@pytest.mark.parametrize("classes", [2, 3])
def test_the_parts_of_the_brier_score_add_up_to_it(classes: int) -> None:
    labels, probabilities = drawn_at_random(200, classes=classes, decimals=9, seed=9)
    weights = np.random.default_rng(10).poisson(1, size=(20, 200)).astype(float)
    parts = own.brier_parts(labels, probabilities, weights)
    total = parts.reliability - parts.resolution + parts.uncertainty
    np.testing.assert_allclose(total, own.brier(labels, probabilities, weights), **EXACT)


def test_resolution_is_murphys_where_a_bin_holds_one_probability() -> None:
    labels, probabilities = drawn_at_random(2000, classes=2, decimals=9, seed=11)
    second = (np.argsort(np.argsort(probabilities[:, 1])) // 500 + 1) / 5.0  # four values, 500 images each
    parts = own.brier_parts(labels, np.stack([1 - second, second], axis=1), np.ones((1, 2000)), bins=4)
    frequency = np.array([labels[second == value].mean() for value in np.unique(second)])
    assert parts.resolution[0] == pytest.approx(np.mean((frequency - labels.mean()) ** 2), abs=1e-9)


def test_net_benefit_is_the_share_of_true_minus_the_odds_times_that_of_false_positives() -> None:
    labels, probabilities = drawn_at_random(400, classes=2, decimals=2, seed=12)
    weights = np.random.default_rng(13).poisson(1, size=(3, 400)).astype(float)
    thresholds = [0.05, 0.2, 0.5, 0.8]
    found = own.net_benefits(labels, probabilities, weights, thresholds=thresholds)
    everybody = own.treat_all(labels, weights, thresholds=thresholds)
    for column, threshold in enumerate(thresholds):
        for row, drawn in enumerate(weights):
            (_, false), (_, true) = reference.confusion_matrix(
                labels, probabilities[:, 1] >= threshold, sample_weight=drawn
            )
            odds, total = threshold / (1 - threshold), drawn.sum()
            assert found[row, column] == pytest.approx((true - false * odds) / total, abs=1e-9)
            positive = drawn[labels == 1].sum()
            expected = (positive - (total - positive) * odds) / total
            assert everybody[row, column] == pytest.approx(expected, abs=1e-9)
    single = own.net_benefit(labels, probabilities, weights, threshold=0.2)
    np.testing.assert_allclose(single, found[:, 1], **EXACT)
