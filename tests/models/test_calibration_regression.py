import warnings

import numpy as np
import pytest
from scipy.special import expit, logit

from models.evaluation.metrics import calibration_intercept, calibration_slope
from models.evaluation.metrics.nodes import Nodes


def sample(images: int, *, sureness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, images)
    logits = sureness * (2 * labels - 0.7 + 2.5 * generator.normal(size=images))
    second = expit(logits)
    return labels, np.stack([1 - second, second], axis=1)


def statsmodels_fit(labels: np.ndarray, second: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Slope, and intercept beside a slope of 1."""
    import statsmodels.api as sm

    logits = logit(np.clip(second, 1e-9, 1 - 1e-9))
    family, ones = sm.families.Binomial(), np.ones_like(logits)
    options = {"family": family, "freq_weights": weights}
    line = sm.GLM(labels, np.stack([ones, logits], axis=1), **options).fit(tol=1e-14, maxiter=200)
    level = sm.GLM(labels, ones, offset=logits, **options).fit(tol=1e-14, maxiter=200)
    return float(line.params[1]), float(level.params[0])


@pytest.mark.parametrize("sureness", [0.02, 0.6, 4.0])
@pytest.mark.parametrize("images", [40, 3000])
def test_slope_and_intercept_equal_statsmodels(images: int, sureness: float) -> None:
    labels, probabilities = sample(images, sureness=sureness)
    generator = np.random.default_rng(1)
    weights = np.concatenate(
        [np.ones((1, images)), generator.poisson(1, (2, images)), generator.random((1, images))]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.array([statsmodels_fit(labels, probabilities[:, 1], row) for row in weights])
    slopes = calibration_slope(labels, probabilities, weights)
    intercepts = calibration_intercept(labels, probabilities, weights)
    np.testing.assert_allclose(slopes, expected[:, 0], rtol=1e-9, atol=0)
    np.testing.assert_allclose(intercepts, expected[:, 1], rtol=1e-9, atol=1e-9)


def test_certain_and_tied_probabilities_equal_statsmodels() -> None:
    labels, probabilities = sample(500, sureness=3.0, seed=2)
    second = np.round(probabilities[:, 1], 1)
    second[0:2], labels[0:2] = 1.0, [0, 1]
    weights = np.random.default_rng(3).poisson(1, (3, 500)).astype(float)
    rounded = np.stack([1 - second, second], axis=1)
    expected = np.array([statsmodels_fit(labels, second, row) for row in weights])
    np.testing.assert_allclose(calibration_slope(labels, rounded, weights), expected[:, 0], rtol=1e-9)
    np.testing.assert_allclose(calibration_intercept(labels, rounded, weights), expected[:, 1], rtol=1e-9)


def test_a_replicate_much_steeper_than_the_sample_is_fitted_on_its_images() -> None:
    labels, probabilities = sample(2000, sureness=1.0)
    right = (probabilities[:, 1] > 0.5) == labels
    steep = np.where(right | (np.arange(2000) % 50 == 0), 1.0, 0.0)
    together = calibration_slope(labels, probabilities, np.stack([np.ones(2000), steep]))
    assert together[1] > 2 * max(1, together[0])
    expected, _ = statsmodels_fit(labels, probabilities[:, 1], steep)
    assert together[1] == pytest.approx(expected, rel=1e-9)


def test_there_is_no_slope_where_a_logit_separates_the_classes() -> None:
    second = np.array([0.1, 0.4, 0.4, 0.8])
    probabilities = np.stack([1 - second, second], axis=1)
    labels = np.array([0, 0, 1, 1])
    weights = np.array([[1.0, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0]])
    assert np.isnan(calibration_slope(labels, probabilities, weights)).all()
    intercepts = calibration_intercept(labels, probabilities, weights)
    assert np.isnan(intercepts).tolist() == [False, False, False, True]


def test_nodes_stand_for_the_images_in_any_smooth_sum() -> None:
    generator = np.random.default_rng(4)
    logits = np.sort(6 * generator.normal(size=4000))
    nodes = Nodes.of(logits, slope=1.0)
    weights = generator.poisson(1, (3, 4000)).astype(float)
    masses = nodes.masses(weights)
    assert masses.shape[1] < 600
    for slope in (0.3, 1.0, 2.0):
        np.testing.assert_allclose(
            masses @ expit(1 + slope * nodes.points), weights @ expit(1 + slope * logits), rtol=1e-11
        )
