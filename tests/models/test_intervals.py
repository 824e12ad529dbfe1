import numpy as np
import pytest
from scipy import stats

from models.evaluation.intervals import bootstrap_weights, interval, shared_weights


def draw(units: list[str], replicates: int = 2000, seed: int = 0) -> np.ndarray:
    return bootstrap_weights(units, replicates=replicates, generator=np.random.default_rng(seed))


def test_the_first_row_is_the_sample_itself() -> None:
    np.testing.assert_array_equal(draw(["a", "b", "c"])[0], [1, 1, 1])


def test_images_of_one_patient_are_drawn_together() -> None:
    weights = draw(["p", "q", "p", "r", "q"])
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 4])
    assert not np.array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)


def test_each_patient_is_drawn_once_on_average() -> None:
    weights = draw([str(number) for number in range(50)])[1:]
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.12)
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.02)


def test_a_patient_is_drawn_equally_often_in_every_sample() -> None:
    one = shared_weights(["p", "q", "p", "r"], replicates=500, seed=3)
    other = shared_weights(["s", "r", "p"], replicates=500, seed=3)
    np.testing.assert_array_equal(one[0], np.ones(4))
    np.testing.assert_array_equal(one[:, [0, 2, 3]], other[:, [2, 2, 1]])
    assert not np.array_equal(one, shared_weights(["p", "q", "p", "r"], replicates=500, seed=4))


def test_shared_draws_are_poisson_and_patients_independent() -> None:
    weights = shared_weights([str(number) for number in range(200)], replicates=2000, seed=0)[1:]
    share = np.bincount(weights.astype(int).ravel(), minlength=5)[:5] / weights.size
    np.testing.assert_allclose(share, stats.poisson.pmf(np.arange(5), 1), atol=0.003)
    correlation = np.asarray(np.corrcoef(weights.T))[np.triu_indices(200, 1)]
    assert correlation.mean() == pytest.approx(0, abs=0.001)
    assert correlation.std() == pytest.approx(2000**-0.5, rel=0.05)


def test_the_interval_of_a_proportion_is_close_to_its_normal_approximation() -> None:
    correct = np.r_[np.ones(140), np.zeros(60)]
    weights = draw([str(number) for number in range(200)])
    found = interval((weights[1:] @ correct) / 200)
    margin = stats.norm.ppf(0.975) * np.sqrt(0.7 * 0.3 / 200)
    assert found.low == pytest.approx(0.7 - margin, abs=0.01)
    assert found.high == pytest.approx(0.7 + margin, abs=0.01)


def test_patients_with_many_alike_images_widen_the_interval() -> None:
    correct = np.repeat(np.r_[np.ones(14), np.zeros(6)], 10)
    patients = [str(number) for number in np.repeat(np.arange(20), 10)]
    images = [str(number) for number in range(200)]
    by_patient = interval((draw(patients)[1:] @ correct) / 200)
    by_image = interval((draw(images)[1:] @ correct) / 200)
    assert by_patient.high - by_patient.low > 2.5 * (by_image.high - by_image.low)


def test_replicates_without_a_value_are_counted_and_left_out() -> None:
    found = interval(np.array([np.nan, 1.0, 2.0, 3.0, np.nan]), level=0.5)
    assert (found.low, found.high, found.left_out) == (1.5, 2.5, 2)


def test_an_interval_of_nothing_is_nan() -> None:
    found = interval(np.full(3, np.nan))
    assert np.isnan(found.low)
    assert np.isnan(found.high)
    assert found.left_out == 3
