"""Calibration slope and intercept: what logistic regression on a model's own logits would change."""

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics import arrays
from models.evaluation.metrics.arrays import Labels, Probabilities, Values, Weights, blocks

NEAREST = 1e-9  # of a probability to 0 and 1, beyond which its logit would be infinite
STEPS, TOLERANCE = 100, 1e-12


def calibration_slope(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Slope of the label on the logit of class 1, `(b,)`; 1 is right, below 1 is too sure (Cox, 1958).

    Nan where no slope is the most likely one: a class is missing, or a logit separates the two.
    """
    logits = logits_of(probabilities)
    fitted = np.full(len(weights), np.nan)
    for block in blocks(len(weights), step=max(1, arrays.BLOCK // len(logits))):
        possible = block.start + np.flatnonzero(overlaps(labels == 1, logits, weights[block]))
        fitted[possible] = fit_line(labels, logits, weights[possible])[:, 1]
    return fitted


def calibration_intercept(labels: Labels, probabilities: Probabilities, weights: Weights) -> Values:
    """Calibration in the large: what to add to the logit of class 1, `(b,)`; 0 is right.

    Fitted with a slope of 1. Nan where a class is missing.
    """
    logits, positive = logits_of(probabilities), labels == 1
    fitted = np.full(len(weights), np.nan)
    for block in blocks(len(weights), step=max(1, arrays.BLOCK // len(logits))):
        both = (weights[block] @ positive > 0) & (weights[block] @ ~positive > 0)
        possible = block.start + np.flatnonzero(both)
        fitted[possible] = fit_offset(labels, logits, weights[possible])
    return fitted


def logits_of(probabilities: Probabilities) -> NDArray[np.float64]:
    """Of class 1, `(n,)`, where a probability of 0 or 1 counts as `NEAREST` to it."""
    inner = np.clip(probabilities[:, 1].astype(np.float64), NEAREST, 1 - NEAREST)
    return np.asarray(np.log(inner) - np.log1p(-inner))


def overlaps(positive: NDArray[np.bool_], logits: NDArray[np.float64], weights: Weights) -> NDArray[np.bool_]:
    """Whether some logit of class 1 is below one of class 0 and another above one, `(b,)`.

    If and only if, the most likely slope is finite (Albert and Anderson, Biometrika 1984).
    """
    drawn = weights > 0
    low, high = np.where(drawn, logits, np.inf), np.where(drawn, logits, -np.inf)
    return np.asarray(
        (low[:, positive].min(axis=1, initial=np.inf) < high[:, ~positive].max(axis=1, initial=-np.inf))
        & (low[:, ~positive].min(axis=1, initial=np.inf) < high[:, positive].max(axis=1, initial=-np.inf))
    )


def fit_line(labels: Labels, logits: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Intercept and slope `(b, 2)` by Newton's method, halving a step that lowers the likelihood."""
    scale = max(float(np.abs(logits).max(initial=0)), 1.0)
    x, target = logits / scale, (labels == 1).astype(np.float64)
    powers = np.stack([np.ones_like(x), x, x * x], axis=1)
    found = np.zeros((len(weights), 2))
    best = likelihood(found, x, target, weights)
    for _ in range(STEPS):
        probability = sigmoid(found[:, :1] + found[:, 1:] * x)
        gradient = (weights * (target - probability)) @ powers[:, :2]
        a, b, c = ((weights * probability * (1 - probability)) @ powers).T
        determinant = a * c - b * b
        step = (
            np.stack(
                [c * gradient[:, 0] - b * gradient[:, 1], a * gradient[:, 1] - b * gradient[:, 0]], axis=1
            )
            / np.maximum(determinant, np.finfo(float).tiny)[:, None]
        )
        tried = likelihood(found + step, x, target, weights)
        worse = tried < best - 1e-9 * np.abs(best)
        step[worse] /= 4
        found += step
        best = np.where(worse, likelihood(found, x, target, weights), tried)
        if np.all(np.abs(step) <= TOLERANCE * (1 + np.abs(found))):
            break
    return np.asarray(found / np.array([1, scale]))


def fit_offset(labels: Labels, logits: NDArray[np.float64], weights: Weights) -> Values:
    """The intercept `(b,)` beside a slope of 1 by Newton's method within a bracket."""
    target = (labels == 1).astype(np.float64)
    found, bound = np.zeros(len(weights)), 2 * np.abs(logits).max(initial=0) + 50
    low, high = np.full(len(weights), -bound), np.full(len(weights), bound)
    for _ in range(STEPS):
        probability = sigmoid(found[:, None] + logits)
        gradient = (weights * (target - probability)).sum(axis=1)
        curvature = (weights * probability * (1 - probability)).sum(axis=1)
        low, high = np.where(gradient >= 0, found, low), np.where(gradient <= 0, found, high)
        moved = found + gradient / np.maximum(curvature, np.finfo(float).tiny)
        moved = np.where((moved <= low) | (moved >= high), (low + high) / 2, moved)
        moved = np.where(gradient == 0, found, moved)
        done = np.all(np.abs(moved - found) <= TOLERANCE * (1 + np.abs(found)))
        found = moved
        if done:
            break
    return found


def likelihood(
    lines: NDArray[np.float64], x: NDArray[np.float64], target: NDArray[np.float64], weights: Weights
) -> Values:
    """Log-likelihood of each line, `(b,)`."""
    logits = lines[:, :1] + lines[:, 1:] * x
    return np.asarray((weights * (target * logits - np.logaddexp(0, logits))).sum(axis=1))


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without overflow."""
    return np.asarray((1 + np.tanh(values / 2)) / 2)
