"""What a decision at a threshold of the probability of class 1 gets right, and what it is worth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, divide

HALF = 0.5


def sensitivity(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, threshold: float = HALF
) -> Values:
    """Weight of class 1 with a probability of at least the threshold, over all weight of class 1, `(b,)`."""
    positive = labels == 1
    return share(weights, positive & (probabilities[:, 1] >= threshold), positive)


def specificity(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, threshold: float = HALF
) -> Values:
    """Weight of class 0 with a probability of class 1 below the threshold, over all of class 0, `(b,)`."""
    negative = labels == 0
    return share(weights, negative & (probabilities[:, 1] < threshold), negative)


def share(weights: Weights, some: NDArray[np.bool_], among: NDArray[np.bool_]) -> Values:
    """Weight of `some (n,)` over the weight of those that they are among, `(b,)`."""
    return divide(weights @ some.astype(np.float64), weights @ among.astype(np.float64))


def net_benefit(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, threshold: float = HALF
) -> Values:
    """Net benefit of treating from the threshold on, `(b,)`; see `net_benefits`."""
    return net_benefits(labels, probabilities, weights, thresholds=[threshold])[:, 0]


def net_benefits(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """The decision curve, `(b, t)`: share of true positives minus that of false ones at the odds.

    Vickers and Elkin, Medical Decision Making 2006. Thresholds lie above 0 and below 1.
    """
    odds = np.asarray(thresholds) / (1 - np.asarray(thresholds))
    treated = probabilities[:, 1, None] >= np.asarray(thresholds)
    gain = np.where((labels == 1)[:, None], 1.0, -odds) * treated
    return divide(weights @ gain, weights.sum(axis=1, keepdims=True) + np.zeros_like(odds))


def treat_all(labels: Labels, weights: Weights, *, thresholds: Sequence[float]) -> NDArray[np.float64]:
    """Net benefit of treating everybody, `(b, t)`: what a model has to beat; treating nobody is worth 0."""
    certain = np.stack([np.zeros(len(labels)), np.ones(len(labels))], axis=1)
    return net_benefits(labels, certain, weights, thresholds=thresholds)
