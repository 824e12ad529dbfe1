"""The Brier score and its parts: how far frequencies are from probabilities, and how far they spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, divide
from models.evaluation.metrics.bins import BINS, Binned, binned
from models.evaluation.metrics.sums import Sums, ratio


@dataclass(frozen=True, slots=True)
class BrierParts:
    """`reliability - resolution + uncertainty` is the Brier score; all `(b,)`.

    Attributes:
        reliability: Mean squared distance of the bins' mean probability and frequency; small is good.
        resolution: Variance of the frequency over the bins (Murphy, J. Appl. Meteorol. 1973), and what the
            probabilities tell within them (Stephenson et al., Weather Forecast. 2008); large is good.
        uncertainty: Variance of the event itself.
    """

    reliability: Values
    resolution: Values
    uncertainty: Values


def brier(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Mean squared distance of probability and event, `(b,)`: of class 1 if `k = 2`, else of all, summed."""
    return brier_sums(labels, probabilities).of(weights)


def brier_sums(labels: Labels, probabilities: Probabilities) -> Sums:
    """See `brier`."""
    distances = [(value - event) ** 2 for event, value in events_of(labels, probabilities)]
    return ratio(np.sum(distances, axis=0), np.ones(len(labels)))


def brier_parts(
    labels: Labels, probabilities: Probabilities, weights: Weights, *, bins: int = BINS
) -> BrierParts:
    """The three parts over bins as of `ece`; of more than two classes summed over each against the rest."""
    found = [binned(event, value, weights, bins=bins) for event, value in events_of(labels, probabilities)]
    return parts_of(found, brier(labels, probabilities, weights))


def parts_of(found: Sequence[Binned], score: Values) -> BrierParts:
    """Of events, each in bins of its own, whose Brier scores add up to `score (b,)`."""
    reliability = np.sum([reliability_of(each) for each in found], axis=0)
    uncertainty = np.sum([uncertainty_of(each) for each in found], axis=0)
    return BrierParts(reliability, reliability + uncertainty - score, uncertainty)


def reliability_of(found: Binned) -> Values:
    """Mean squared distance of the bins' mean probability and frequency, `(b,)`."""
    squares = (found.predicted - found.observed) ** 2
    per_bin = np.divide(squares, found.weight, out=np.zeros_like(squares), where=found.weight > 0)
    return divide(per_bin.sum(axis=1), found.weight.sum(axis=1))


def uncertainty_of(found: Binned) -> Values:
    """Variance of the event, `(b,)`."""
    frequency = divide(found.observed.sum(axis=1), found.weight.sum(axis=1))
    return np.asarray(frequency * (1 - frequency))


def events_of(
    labels: Labels, probabilities: Probabilities
) -> list[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """Whether a class is the label, and its probability: class 1 of two, else every class."""
    classes = range(probabilities.shape[1])
    chosen = [1] if len(classes) == 2 else classes
    return [(labels == number, probabilities[:, number].astype(np.float64)) for number in chosen]


def brier_reliability(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """See `BrierParts`, `(b,)`."""
    return brier_parts(labels, probabilities, weights).reliability


def brier_resolution(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """See `BrierParts`, `(b,)`."""
    return brier_parts(labels, probabilities, weights).resolution


def brier_uncertainty(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """See `BrierParts`, `(b,)`."""
    return brier_parts(labels, probabilities, weights).uncertainty
