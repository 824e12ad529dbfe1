"""Makes the probabilities of grounders agree with how often the answer is yes."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from models.grounding.answers import Answers
from models.grounding.layer import Layer


def calibrate(layer: Layer, answers: Answers) -> Layer:
    """Platt's slope and offset of each concept, folded into its weight and bias."""
    pairs = zip(layer.held_out, answers.yes.astype(np.float64), answers.known, strict=True)
    fitted = np.array([platt(logits[known], yes[known]) for logits, yes, known in pairs])
    slope, offset = fitted[:, :1], fitted[:, 1:]
    return Layer(
        weight=layer.weight * slope,
        bias=layer.bias * slope[:, 0] + offset[:, 0],
        held_out=layer.held_out * slope + offset,
    )


def platt(logits: NDArray[np.float64], yes: NDArray[np.float64]) -> tuple[float, float]:
    """Slope (not negative) and offset that fit the answers best (Platt 1999, with its smoothed targets)."""
    n_yes, n_no = yes.sum(), (1 - yes).sum()
    targets = np.where(yes > 0, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))

    def loss(place: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moved = place[0] * logits + place[1]
        gap = expit(moved) - targets
        value = np.logaddexp(0, moved) - targets * moved
        return float(value.sum()), np.array([gap @ logits, gap.sum()])

    start = np.array([1.0, np.log((n_yes + 1) / (n_no + 1))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]).x
    return float(found[0]), float(found[1])
