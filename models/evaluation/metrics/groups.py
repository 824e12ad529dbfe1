"""Metrics over groups of images: accuracy of each, of the worst, and the equalised-odds difference."""

from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, decided, is_correct
from models.evaluation.metrics.sums import Sums, least_quotient, quotients

Groups: TypeAlias = NDArray[np.int64]  # (n,) numbers from 0; images below 0 belong to no group


def group_accuracy(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, groups: Groups
) -> NDArray[np.float64]:
    """Accuracy of each group, `(b, g)`, nan where a weighting has none of it."""
    return quotients(weights @ worst_group_sums(labels, probabilities, groups).columns)


def worst_group_accuracy(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, groups: Groups
) -> Values:
    """Accuracy of the group that has the lowest in a weighting, `(b,)`; those without weight are left out."""
    return worst_group_sums(labels, probabilities, groups).of(weights)


def equalised_odds_difference(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, groups: Groups
) -> Values:
    """Largest difference between two groups in the rate of any decision on images of any class, `(b,)`.

    With two classes it is the larger of the differences in true and in false positive rate (Hardt et al.,
    NeurIPS 2016). A group without images of a class has no rate there and is left out of that comparison;
    nan where no class has two groups to compare.
    """
    return equalised_odds_sums(labels, probabilities, groups).of(weights)


def worst_group_sums(labels: Labels, probabilities: Probabilities, groups: Groups) -> Sums:
    """See `worst_group_accuracy`."""
    member = membership(groups)
    hits = member * is_correct(labels, probabilities)[:, None]
    return Sums(np.concatenate([hits, member], axis=1), least_quotient)


def equalised_odds_sums(labels: Labels, probabilities: Probabilities, groups: Groups) -> Sums:
    """See `equalised_odds_difference`: columns by label, decision and group, then groups of each again."""
    classes, member = np.arange(probabilities.shape[1]), membership(groups)
    true, chosen = (side[:, None] == classes for side in (labels, decided(probabilities)))
    rates = np.einsum("nl,nd,ng->nldg", true, chosen, member)
    totals = np.repeat(np.einsum("nl,ng->nlg", true, member)[:, :, None], len(classes), axis=2)
    columns = np.stack([rates, totals], axis=1).reshape(len(labels), 2 * len(classes) ** 2 * member.shape[1])
    return Sums(columns, partial(widest_spread, groups=member.shape[1]))


def widest_spread(sums: NDArray[np.float64], *, groups: int) -> Values:
    """Largest difference between the groups in any rate that two of them have, `(b,)`."""
    if not groups:
        return np.full(len(sums), np.nan)
    rates = quotients(sums).reshape(len(sums), -1, groups)
    return np.asarray(np.fmax.reduce(spread(rates), axis=1))


def spread(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest difference between groups `(..., g)`, nan where fewer than two have a rate."""
    several = (~np.isnan(rates)).sum(axis=-1) > 1
    return np.where(several, np.fmax.reduce(rates, axis=-1) - np.fmin.reduce(rates, axis=-1), np.nan)


def membership(groups: Groups) -> NDArray[np.float64]:
    """`(n, g)`, a column for each group."""
    return np.asarray(groups[:, None] == np.arange(groups.max(initial=-1) + 1), dtype=np.float64)
