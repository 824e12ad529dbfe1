"""Logistic regressions in one or two coefficients, one for each weighting of the same few points."""

import numpy as np
from numpy.typing import NDArray

STEPS, TOLERANCE = 500, 1e-8  # the step after one of 1e-8 would be about its square


def newton(
    design: NDArray[np.float64],
    offset: NDArray[np.float64],
    mass: NDArray[np.float64],
    target: NDArray[np.float64],
    *,
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Coefficients `(b, c)` under which the points' probabilities add up to the target.

    No step changes a logit by more than 1, so that every step raises the likelihood, from any start (Bach,
    Electron. J. Stat. 2010).

    Args:
        design: `(j, c)` of the points.
        offset: `(j,)` of their logits.
        mass: `(b, j)` of the points.
        target: `(b, c)` sums over the images of weight times event times design.
        start: `(c,)`.
    """
    found = np.tile(start, (len(mass), 1))
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), design.shape[1] ** 2)
    active = np.arange(len(mass))
    for _ in range(STEPS):
        if not len(active):
            break
        expected, spread = moments(found[active] @ design.T + offset, mass[active])
        gradient = target[active] - expected @ design
        step = solved((spread @ products).reshape(-1, *(design.shape[1:] * 2)), gradient)
        far = np.abs(step @ design.T).max(axis=1)
        found[active] += step / np.maximum(far, 1)[:, None]
        active = active[far > TOLERANCE]
    return found


def moments(
    logits: NDArray[np.float64], mass: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mass times probability, and times its variance, `(b, j)` each."""
    with np.errstate(over="ignore"):
        probability = 1 / (1 + np.exp(-logits))
    expected = mass * probability
    return expected, expected * (1 - probability)


def solved(curvature: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newton's step `(b, c)`, defined also where rounding leaves a curvature singular."""
    size = curvature.shape[1]
    least = 1e-14 * np.trace(curvature, axis1=1, axis2=2) + np.finfo(np.float64).tiny
    regular = curvature + least[:, None, None] * np.eye(size)
    return np.asarray(np.linalg.solve(regular, gradient[:, :, None])[:, :, 0])
