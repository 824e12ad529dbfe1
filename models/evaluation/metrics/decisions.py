"""What the most probable class gets right: accuracy, balanced accuracy and macro-F1 of weighted samples."""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import (
    Labels,
    Probabilities,
    Values,
    Weights,
    decided,
    divide,
    is_correct,
    one_hot,
)


def accuracy(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Weight of the images whose most probable class is their label, over all weight, `(b,)`."""
    return divide(weights @ is_correct(labels, probabilities), weights.sum(axis=1))


def balanced_accuracy(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Mean recall over the classes that occur in `labels`, `(b,)`.

    Nan for a weighting that misses one of them, and for any weighting if there is only one.
    """
    present = one_hot(labels)
    if present.shape[1] < 2:
        return np.full(len(weights), np.nan)
    hits = weights @ (present * is_correct(labels, probabilities)[:, None])
    return np.asarray(divide(hits, weights @ present).mean(axis=1), dtype=np.float64)


def macro_f1(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Mean F1 over the classes that occur among the labels or the decisions of a weighting, `(b,)`."""
    classes = np.arange(probabilities.shape[1])
    true, chosen = (side[:, None] == classes for side in (labels, decided(probabilities)))
    both = weights @ (true & chosen).astype(np.float64)
    either = weights @ (true.astype(np.float64) + chosen)
    return mean_where(divide(2 * both, either))


def mean_where(values: NDArray[np.float64]) -> Values:
    """Mean over the columns that are not nan; nan where all are, `(b,)`."""
    present = ~np.isnan(values)
    return divide(np.where(present, values, 0).sum(axis=1), present.sum(axis=1).astype(np.float64))
