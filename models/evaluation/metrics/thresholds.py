"""What a decision at a threshold of the probability of class 1 gets right, and what it is worth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, divide
from models.evaluation.metrics.sums import Sums, nowhere, ratio

HALF = 0.5


def sensitivity(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, threshold: float = HALF
) -> Values:
    """Weight of class 1 with a probability of at least the threshold, over all weight of class 1, `(b,)`."""
    return sensitivity_sums(labels, probabilities, threshold).of(weights)


def specificity(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, threshold: float = HALF
) -> Values:
    """Weight of class 0 with a probability of class 1 below the threshold, over all of class 0, `(b,)`."""
    return specificity_sums(labels, probabilities, threshold).of(weights)


def net_benefit(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, threshold: float = HALF
) -> Values:
    """Net benefit of treating from the threshold on, `(b,)`; see `net_benefits`."""
    return net_benefit_sums(labels, probabilities, threshold).of(weights)


def net_benefits(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """The decision curve, `(b, t)`: share of true positives minus that of false ones at the odds.

    Vickers and Elkin, Medical Decision Making 2006. Thresholds lie above 0 and below 1.
    """
    gains = [gain(labels, probabilities, threshold) for threshold in thresholds]
    total = weights.sum(axis=1, keepdims=True)
    return divide(weights @ np.stack(gains, axis=1), np.repeat(total, len(gains), axis=1))


def treat_all(labels: Labels, weights: Weights, *, thresholds: Sequence[float]) -> NDArray[np.float64]:
    """Net benefit of treating everybody, `(b, t)`: what a model has to beat; treating nobody is worth 0."""
    certain = np.stack([np.zeros(len(labels)), np.ones(len(labels))], axis=1)
    return net_benefits(labels, certain, weights, thresholds=thresholds)


def sensitivity_sums(labels: Labels, probabilities: Probabilities, threshold: float) -> Sums:
    """See `sensitivity`."""
    positive = labels == 1
    return ratio(positive & treated(probabilities, threshold), positive)


def specificity_sums(labels: Labels, probabilities: Probabilities, threshold: float) -> Sums:
    """See `specificity`."""
    negative = labels == 0
    return ratio(negative & ~treated(probabilities, threshold), negative)


def net_benefit_sums(labels: Labels, probabilities: Probabilities, threshold: float) -> Sums:
    """See `net_benefit`; it does not exist where nothing short of certainty is treated."""
    if threshold >= 1:
        return nowhere(len(labels))
    return ratio(gain(labels, probabilities, threshold), np.ones(len(labels)))


def gain(labels: Labels, probabilities: Probabilities, threshold: float) -> NDArray[np.float64]:
    """1 for a true positive, minus the odds of the threshold for a false one, else 0, `(n,)`."""
    odds = threshold / (1 - threshold)
    return np.asarray(np.where(labels == 1, 1.0, -odds) * treated(probabilities, threshold))


def treated(probabilities: Probabilities, threshold: float) -> NDArray[np.bool_]:
    """Whether the probability of class 1 reaches the threshold, `(n,)`."""
    return np.asarray(probabilities[:, 1] >= threshold)
