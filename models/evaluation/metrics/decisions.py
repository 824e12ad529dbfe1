"""What the most probable class gets right: accuracy, balanced accuracy and macro-F1 of weighted samples."""

import numpy as np

from models.evaluation.metrics.arrays import (
    Labels,
    Probabilities,
    Values,
    Weights,
    decided,
    is_correct,
    one_hot,
)
from models.evaluation.metrics.sums import Sums, mean_of_present, mean_quotient, nowhere, ratio


def accuracy(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Weight of the images whose most probable class is their label, over all weight, `(b,)`."""
    return accuracy_sums(labels, probabilities).of(weights)


def balanced_accuracy(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Mean recall over the classes that occur in `labels`, `(b,)`.

    Nan for a weighting that misses one of them, and for any weighting if there is only one.
    """
    return balanced_accuracy_sums(labels, probabilities).of(weights)


def macro_f1(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Mean F1 over the classes that occur among the labels or the decisions of a weighting, `(b,)`."""
    return macro_f1_sums(labels, probabilities).of(weights)


def accuracy_sums(labels: Labels, probabilities: Probabilities) -> Sums:
    """See `accuracy`."""
    return ratio(is_correct(labels, probabilities), np.ones(len(labels)))


def balanced_accuracy_sums(labels: Labels, probabilities: Probabilities) -> Sums:
    """See `balanced_accuracy`."""
    present = one_hot(labels)
    if present.shape[1] < 2:
        return nowhere(len(labels))
    hits = present * is_correct(labels, probabilities)[:, None]
    return Sums(np.concatenate([hits, present], axis=1), mean_quotient)


def macro_f1_sums(labels: Labels, probabilities: Probabilities) -> Sums:
    """See `macro_f1`: twice the images of a class that are told as it, over those that are or are told."""
    classes = np.arange(probabilities.shape[1])
    true, chosen = (side[:, None] == classes for side in (labels, decided(probabilities)))
    both, either = 2.0 * (true & chosen), true.astype(np.float64) + chosen
    return Sums(np.concatenate([both, either], axis=1), mean_of_present)
