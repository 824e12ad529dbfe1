"""Reliability and decision curves of the methods that a reader looks at closely."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.evaluation.measured import Measured
from models.evaluation.metrics import divide, net_benefits, treat_all
from models.evaluation.metrics.arrays import is_correct
from models.evaluation.report import DecisionCurve, ReliabilityCurve

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
        weights = whole.draws.weights(slice(None), np.arange(len(whole.ids)))
        total = np.sum([weights @ each for each in member], axis=0)
        hits = np.stack([weights @ (each * own[:, None]) for each, own in zip(member, occurred, strict=True)])
        observed = divide(hits.sum(axis=0), total)
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
    weights = whole.draws.weights(slice(None), np.arange(len(whole.ids)))
    sample = whole.sample
    everybody = treat_all(whole.labels, weights[:1], thresholds=THRESHOLDS)[0]
    for method, probabilities in zip(whole.methods, whole.probabilities, strict=True):
        by_seed = np.stack(
            [net_benefits(whole.labels, one, weights, thresholds=THRESHOLDS) for one in probabilities]
        )
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


def rounded(values: NDArray[np.float64] | list[float]) -> tuple[float, ...]:
    """To the digits of a picture."""
    return tuple(round(float(value), DIGITS) for value in values)
