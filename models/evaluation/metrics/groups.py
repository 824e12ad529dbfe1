"""Metrics over groups of images: accuracy of each, of the worst, and the equalised-odds difference."""

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
)


def group_accuracy(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Accuracy of each group, `(b, g)`, nan where a weighting has none of it.

    Groups are numbered from 0 in `groups (n,)`; images below 0 belong to none.
    """
    member = membership(groups)
    return divide(weights @ (member * is_correct(labels, probabilities)[:, None]), weights @ member)


def worst_group_accuracy(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, groups: NDArray[np.int64]
) -> Values:
    """Accuracy of the group that has the lowest in a weighting, `(b,)`; those without weight are left out."""
    each = group_accuracy(labels, probabilities, weights, groups=groups)
    return np.asarray(np.fmin.reduce(each, axis=1, initial=np.nan))


def equalised_odds_difference(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, groups: NDArray[np.int64]
) -> Values:
    """Largest difference between two groups in the rate of any decision on images of any class, `(b,)`.

    With two classes it is the larger of the differences in true and in false positive rate (Hardt et al.,
    NeurIPS 2016). A group without images of a class has no rate there and is left out of that comparison;
    nan where no class has two groups to compare.
    """
    classes, chosen, member = range(probabilities.shape[1]), decided(probabilities), membership(groups)
    widest = np.full(len(weights), np.nan)
    for label in classes:
        own = member * (labels == label)[:, None]
        total = weights @ own
        several = (total > 0).sum(axis=1) > 1
        for decision in classes:
            rate = divide(weights @ (own * (chosen == decision)[:, None]), total)
            spread = np.fmax.reduce(rate, axis=1, initial=np.nan) - np.fmin.reduce(
                rate, axis=1, initial=np.nan
            )
            widest = np.fmax(widest, np.where(several, spread, np.nan))
    return widest


def membership(groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """`(n, g)`, a column for each group."""
    return np.asarray(groups[:, None] == np.arange(groups.max(initial=-1) + 1), dtype=np.float64)
