import numpy as np
import pytest
from sklearn import metrics as reference

from models.evaluation.metrics import METRICS, accuracy, auroc, balanced_accuracy, point


def example(*, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, 150)
    scores = generator.random((150, classes)) + 0.5 * np.eye(classes)[labels]
    probabilities = np.round(scores / scores.sum(axis=1, keepdims=True), 2)  # rounding makes ties
    return labels, probabilities


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_accuracies_agree_with_scikit_learn(classes: int) -> None:
    labels, probabilities = example(classes=classes)
    chosen = probabilities.argmax(axis=1)
    assert point(accuracy, labels, probabilities) == pytest.approx(reference.accuracy_score(labels, chosen))
    expected = reference.balanced_accuracy_score(labels, chosen)
    assert point(balanced_accuracy, labels, probabilities) == pytest.approx(expected)


def test_auroc_agrees_with_scikit_learn_also_where_scores_tie() -> None:
    labels, probabilities = example(classes=2)
    assert len(np.unique(probabilities[:, 1])) < len(labels)
    expected = reference.roc_auc_score(labels, probabilities[:, 1])
    assert point(auroc, labels, probabilities) == pytest.approx(expected)


def test_auroc_of_many_classes_is_the_mean_of_each_against_the_rest() -> None:
    labels, scores = example(classes=4)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    expected = reference.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert point(auroc, labels, probabilities) == pytest.approx(expected)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_weight_of_two_is_the_same_as_seeing_the_image_twice(name: str) -> None:
    labels, probabilities = example(classes=3)
    counts = np.random.default_rng(1).integers(0, 4, size=(5, len(labels)))
    weighted = METRICS[name](labels, probabilities, counts.astype(float))
    for row, value in zip(counts, weighted, strict=True):
        again = np.repeat(np.arange(len(labels)), row)
        assert value == pytest.approx(point(METRICS[name], labels[again], probabilities[again]))


def test_metrics_of_a_single_class_do_not_exist() -> None:
    labels, probabilities = np.zeros(4, dtype=np.int64), np.full((4, 2), 0.5)
    assert np.isnan(point(auroc, labels, probabilities))
    assert np.isnan(point(balanced_accuracy, labels, probabilities))
    assert point(accuracy, labels, probabilities) == 1


def test_a_weighting_without_one_class_is_nan_and_the_others_are_not() -> None:
    labels, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
    np.testing.assert_allclose(auroc(labels, probabilities, weights), [1, np.nan])
    np.testing.assert_allclose(balanced_accuracy(labels, probabilities, weights), [0.75, np.nan])


def test_many_weightings_in_blocks_equal_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probabilities = example(classes=2)
    weights = np.random.default_rng(2).random((7, len(labels)))
    whole = auroc(labels, probabilities, weights)
    monkeypatch.setattr("models.evaluation.metrics.ranks.CELLS", 2 * len(labels))
    monkeypatch.setattr("models.evaluation.metrics.ranks.LEAST", 1)
    np.testing.assert_array_equal(auroc(labels, probabilities, weights), whole)
    expected = [reference.roc_auc_score(labels, probabilities[:, 1], sample_weight=row) for row in weights]
    np.testing.assert_allclose(whole, expected)
