"""Prints how long 10,000 replicates of all metrics take, against a plain loop over scikit-learn's functions.

python tests/benchmarks/bootstrap.py
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from figures import Figure, report
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from models.evaluation.bootstrap import bootstrap
from models.evaluation.intervals import Draws, shared_draws
from models.evaluation.metrics import BINS

REPLICATES, IMAGES, METHODS, PATIENTS = 10_000, 10_000, 8, 6_000
LOOPED = 4  # replicates of every method that the loop is timed on; the rest is scaled
ROUNDS = 2
EQUAL = 1e-9


@dataclass(frozen=True)
class Case:
    """Labels `(n,)`, the probabilities `(n, 2)` of each method, and draws of patients."""

    labels: NDArray[np.int64]
    probabilities: list[NDArray[np.float64]]
    draws: Draws


def make_case(*, images: int = IMAGES, replicates: int = REPLICATES) -> Case:
    """Methods from poor to good, from unsure to too sure."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, images)
    probabilities = []
    for quality, sureness in zip(np.linspace(0.4, 1.8, METHODS), np.linspace(0.5, 3, METHODS), strict=True):
        second = expit(sureness * (quality * (2 * labels - 1) + generator.normal(size=images)))
        probabilities.append(np.stack([1 - second, second], axis=1))
    patients = [f"p{number}" for number in generator.integers(0, PATIENTS, images)]
    return Case(labels, probabilities, shared_draws(patients, replicates=replicates, seed=0))


def looked_up(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Mapping[str, float]:
    """Every metric of one method on one resampled set of images."""
    second = probabilities[:, 1]
    chosen = probabilities.argmax(axis=1)
    at_half = (second >= 0.5).astype(int)
    (_, false), (_, true) = sklearn.confusion_matrix(labels, at_half)
    return {
        "accuracy": sklearn.accuracy_score(labels, chosen),
        "balanced_accuracy": sklearn.balanced_accuracy_score(labels, chosen),
        "auroc": sklearn.roc_auc_score(labels, second),
        "auprc": sklearn.average_precision_score(labels, second),
        "macro_f1": sklearn.f1_score(labels, chosen, average="macro"),
        "sensitivity": sklearn.recall_score(labels, at_half),
        "specificity": sklearn.recall_score(labels, at_half, pos_label=0),
        "net_benefit": (true - false) / len(labels),
        **in_bins(labels, second),
        **regressed(labels, second),
    }


def in_bins(labels: NDArray[np.int64], second: NDArray[np.float64]) -> Mapping[str, float]:
    """Calibration error, and the Brier score with its parts."""
    observed, predicted = calibration_curve(labels, second, n_bins=BINS, strategy="quantile")
    edges = np.percentile(second, np.linspace(0, 100, BINS + 1))
    counts = np.bincount(np.searchsorted(edges[1:-1], second), minlength=BINS)
    share = counts[counts > 0] / len(labels)
    brier, frequency = sklearn.brier_score_loss(labels, second), labels.mean()
    reliability, uncertainty = float(share @ (observed - predicted) ** 2), frequency * (1 - frequency)
    return {
        "ece": float(share @ np.abs(observed - predicted)),
        "brier": brier,
        "brier_reliability": reliability,
        "brier_resolution": reliability + uncertainty - brier,
        "brier_uncertainty": uncertainty,
    }


def regressed(labels: NDArray[np.int64], second: NDArray[np.float64]) -> Mapping[str, float]:
    """Calibration slope and intercept; scikit-learn has no offset, so the intercept is a root of scipy's."""
    logits = logit(np.clip(second, 1e-9, 1 - 1e-9))
    line = LogisticRegression(C=np.inf).fit(logits[:, None], labels)
    return {
        "calibration_slope": float(line.coef_[0, 0]),
        "calibration_intercept": float(brentq(lambda add: (expit(logits + add) - labels).sum(), -20, 20)),
    }


def loop(case: Case) -> list[list[Mapping[str, float]]]:
    """The first few replicates of every method, one metric after the other."""
    found = []
    weights = case.draws.drawn(slice(1, 1 + LOOPED), np.arange(IMAGES))
    for one in case.probabilities:
        drawn = [np.repeat(np.arange(IMAGES), row) for row in weights]
        found.append([looked_up(case.labels[rows], one[rows]) for rows in drawn])
    return found


def agreement(ours: Mapping[str, NDArray[np.float64]], theirs: list[list[Mapping[str, float]]]) -> float:
    """Largest difference on the replicates of both, but for the slope, which scikit-learn gives roughly."""
    names = [name for name in ours if name not in {"calibration_slope", "calibration_intercept"}]
    assert set(ours) == set(theirs[0][0]), "both sides compute the same metrics"
    return max(
        abs(float(ours[name][method, 1 + replicate]) - each[name])
        for name in names
        for method, rows in enumerate(theirs)
        for replicate, each in enumerate(rows)
    )


def measure() -> dict[str, Figure]:
    """Wall time, as it is and as a ratio in the same run."""
    case, own, other = make_case(), [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ours = bootstrap(case.labels, case.probabilities, case.draws)
        between = time.perf_counter()
        theirs = loop(case)
        own.append(between - started)
        other.append((time.perf_counter() - between) * REPLICATES / LOOPED)
    distance = agreement(ours, theirs)
    assert distance < EQUAL, f"the two differ by {distance}"
    what = (
        f"{len(ours)} metrics of {METHODS} methods on {IMAGES:,} images of at most {PATIENTS:,} patients, "
        f"{REPLICATES:,} replicates, {os.cpu_count()} cores"
    )
    how = (
        f"{min(own):.1f} s against {min(other):.0f} s of a loop over scikit-learn's functions on one core, "
        f"timed on {LOOPED} replicates and scaled; best of {ROUNDS}; values differ by at most {distance:.0e}"
    )
    return {
        "bootstrap.seconds": Figure(min(own), "s", what),
        "bootstrap.ratio_loop": Figure(min(other) / min(own), "ratio", how),
    }


if __name__ == "__main__":
    report(measure())
