"""Reliability and decision curves of the methods that a reader looks at closely."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.evaluation.measured import Measured
from models.evaluation.metrics import divide, treat_all
from models.evaluation.metrics.arrays import is_correct
from models.evaluation.metrics.thresholds import gain
from models.evaluation.report import DecisionCurve, ReliabilityCurve
from models.evaluation.weighted import Addends, weighted_sums

BINS = 10
FEWEST = 10  # images a bin
DIGITS = 5
THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))  # 0.02 to 0.98


def reliability_curves(whole: Measured) -> Iterator[ReliabilityCurve]:
    """Of each method: how often what it says with a confidence is so.

    Bins hold equally many images of the sample, all seeds pooled, and stay where they are in the replicates.
    Of two classes it is the probability of the second, else that of the class predicted.
    """
    sample = whole.sample
    for place, method in enumerate(whole.methods):
        confidence, occurred = events(whole, place)
        member = membership(confidence, bins=max(1, min(BINS, len(whole.ids) // FEWEST)))
        hits = np.einsum("snj,sn->nj", member, occurred.astype(np.float64))
        observed = over_images(whole, hits, member.sum(axis=0))
        mean = np.einsum("sn,snj->j", confidence, member) / member.sum(axis=(0, 1))
        curves = [whole.curve(column[None], sample, whole.cell(method, "observed")) for column in observed.T]
        yield ReliabilityCurve(
            method=method,
            split=whole.split.name,
            domain=whole.domain,
            confidence=rounded(mean),
            observed=rounded(observed[0]),
            low=rounded([curve.ends.low for curve in curves]),
            high=rounded([curve.ends.high for curve in curves]),
            n=tuple(int(each) for each in np.rint(member.sum(axis=(0, 1)))),
        )


def events(whole: Measured, place: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence `(s, n)`, and whether what it is about was so."""
    probabilities = whole.probabilities[place]
    if probabilities.shape[2] == 2:
        occurred = np.tile(whole.labels == 1, (len(probabilities), 1))
        return probabilities[:, :, 1], occurred
    correct = np.stack([is_correct(whole.labels, each) > 0 for each in probabilities])
    return probabilities.max(axis=2), correct


def membership(confidence: NDArray[np.float64], *, bins: int) -> NDArray[np.float64]:
    """Whether each image of each seed lies in each bin, `(s, n, j)`; no empty bins."""
    edges = np.quantile(confidence, np.arange(1, bins) / bins)
    number = np.searchsorted(edges, confidence, side="left")
    member = number[:, :, None] == np.unique(number)
    return np.asarray(member, dtype=np.float64)


def decision_curves(whole: Measured) -> Iterator[DecisionCurve]:
    """Net benefit of each method over thresholds; none unless there are two classes."""
    if len(whole.split.classes) != 2:
        return
    sample, everyone = whole.sample, np.ones((len(whole.ids), 1))
    everybody = treat_all(whole.labels, np.ones((1, len(whole.ids))), thresholds=THRESHOLDS)[0]
    for method, probabilities in zip(whole.methods, whole.probabilities, strict=True):
        benefits = over_images(whole, gains(whole, probabilities), everyone)
        by_seed = np.stack(np.split(benefits, len(probabilities), axis=1))
        curves = [
            whole.curve(by_seed[:, :, place], sample, whole.cell(method, "net_benefit"))
            for place in range(len(THRESHOLDS))
        ]
        yield DecisionCurve(
            method=method,
            split=whole.split.name,
            domain=whole.domain,
            threshold=THRESHOLDS,
            net_benefit=rounded([curve.values[0] for curve in curves]),
            low=rounded([curve.ends.low for curve in curves]),
            high=rounded([curve.ends.high for curve in curves]),
            treat_all=rounded(everybody),
        )


def gains(whole: Measured, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each image adds to the net benefit of each seed at each threshold, `(n, s * t)`."""
    columns = [gain(whole.labels, one, each) for one in probabilities for each in THRESHOLDS]
    return np.stack(columns, axis=1)


def over_images(
    whole: Measured, top: NDArray[np.float64], bottom: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of `top (n, c)` over that of `bottom (n, 1 or c)`, on the sample and replicates, `(1 + b, c)`."""
    columns = np.concatenate([top, bottom], axis=1)
    (sums,) = weighted_sums(whole.draws, [Addends(np.arange(len(whole.ids)), columns)])
    width = top.shape[1]
    return divide(sums[:, :width], np.broadcast_to(sums[:, width:], (len(sums), width)))


def rounded(values: NDArray[np.float64] | list[float]) -> tuple[float, ...]:
    """To the digits of a picture."""
    return tuple(round(float(value), DIGITS) for value in values)
