"""How a head moves with lambda: the optimum of KnoBo's objective along a path from strong to weak priors.

The heads of the audit stop before their optimum (`models.heads.full_batch` says why), so this is a picture of
the objective and not of them: what it would buy to give the data more room, and which signs would go first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from models.bottleneck import check_prior, prior_loss
from models.errors import ModelsError
from models.heads.shared import Sample

Progress = Callable[[int, int], None]

ITERATIONS = 500  # without a prior and with separable classes there is no optimum to arrive at
NEAR_ONE = 0.99  # where the path begins at a sign of 1, whose own place is at infinity
BEND = 1e-3  # width over which the kink of |tanh W - P| at a fractional or absent sign is rounded


@dataclass(frozen=True, slots=True)
class LambdaPath:
    """One head for each of `m` lambdas, ascending.

    Attributes:
        strength: `(m,)` lambda.
        weight: `(m, k, c)`.
        cross_entropy: `(m,)` on the training images; does not fall with lambda.
        prior_loss: `(m,)` mean |tanh W - P|; does not rise with lambda.
        sign_agreement: `(m,)` share of the signs of the prior that the weights have; nan where it has none.
        validation_accuracy: `(m,)`, in domain.
    """

    strength: NDArray[np.float64]
    weight: NDArray[np.float64]
    cross_entropy: NDArray[np.float64]
    prior_loss: NDArray[np.float64]
    sign_agreement: NDArray[np.float64]
    validation_accuracy: NDArray[np.float64]


def lambda_path(
    train: Sample,
    validation: Sample,
    *,
    prior: NDArray[np.floating],
    strengths: Sequence[float],
    progress: Progress | None = None,
) -> LambdaPath:
    """Follows the optimum from the strongest lambda, where it is the prior, to the weakest.

    Each optimum starts from the one before, the first from tanh W = P: no seed takes part. The objective is
    not convex, so this is one branch of its optima.

    Args:
        train: Scaled scores `(n, c)` with labels.
        validation: Scaled alike.
        prior: `(k, c)` in [-1, 1]; its classes need not all occur in training.
        strengths: Lambdas, in any order.
        progress: Told of each lambda.

    Raises:
        ModelsError: No lambda or one below zero; a prior without a row for a label or a column for a score.
    """
    check_prior(prior, shape=(max(len(prior), int(train.labels.max()) + 1), train.inputs.shape[1]))
    if not len(strengths) or min(strengths) < 0:
        raise ModelsError(f"the lambdas are {list(strengths)}; give one or more numbers from 0 upwards")
    found: list[NDArray[np.float64]] = []
    weight = np.arctanh(np.clip(prior.astype(np.float64), -NEAR_ONE, NEAR_ONE))
    for strength in sorted(strengths, reverse=True):
        weight = Objective(train, prior.astype(np.float64), strength).optimum(weight)
        found.append(weight)
        if progress is not None:
            progress(len(found), len(strengths))
    return summarise(sorted(strengths), found[::-1], prior, train, validation)


@dataclass(frozen=True, slots=True)
class Objective:
    """Cross-entropy + strength x mean |tanh W - P| over all rows, its kinks rounded.

    Attributes:
        train: `n` rows of `c` scaled scores.
        prior: `(k, c) float64`.
        strength: Lambda.
    """

    train: Sample
    prior: NDArray[np.float64]
    strength: float

    def optimum(self, start: NDArray[np.float64]) -> NDArray[np.float64]:
        """The optimum `(k, c)` that L-BFGS finds from `start (k, c)`."""
        result = minimize(
            lambda flat: self.at(flat.reshape(self.prior.shape)),
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": ITERATIONS, "ftol": 1e-10, "gtol": 1e-7},
        )
        return np.asarray(result.x.reshape(self.prior.shape))

    def at(self, weight: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Value and gradient `(k c,)` at `weight (k, c)`."""
        chances = log_softmax(self.train.inputs @ weight.T, axis=1)
        rows = np.arange(len(self.train.labels))
        excess = np.exp(chances)
        excess[rows, self.train.labels] -= 1
        squashed = np.tanh(weight)
        distance = squashed - self.prior
        rounded = np.hypot(distance, np.where(np.abs(self.prior) < 1, BEND, 0.0))
        slope = np.divide(distance, rounded, out=np.zeros_like(distance), where=rounded > 0)
        value = -chances[rows, self.train.labels].mean() + self.strength * rounded.mean()
        gradient = excess.T @ self.train.inputs / len(rows)
        gradient += self.strength * slope * (1 - squashed**2) / weight.size
        return float(value), np.asarray(gradient.ravel(), dtype=np.float64)


def summarise(
    strengths: Sequence[float],
    weights: Sequence[NDArray[np.float64]],
    prior: NDArray[np.floating],
    train: Sample,
    validation: Sample,
) -> LambdaPath:
    """What the weights of each lambda come to."""
    signed = prior != 0
    return LambdaPath(
        strength=np.array(strengths, dtype=np.float64),
        weight=np.stack(weights),
        cross_entropy=np.array([cross_entropy(weight, train) for weight in weights]),
        prior_loss=np.array([prior_loss(weight, prior) for weight in weights]),
        sign_agreement=np.array(
            [
                (np.sign(weight) == np.sign(prior))[signed].mean() if signed.any() else np.nan
                for weight in weights
            ]
        ),
        validation_accuracy=accuracy(weights, validation),
    )


def accuracy(weights: Sequence[NDArray[np.floating]], sample: Sample) -> NDArray[np.float64]:
    """`(m,)` of heads without bias, each `weight (k, c)`."""
    right = [(sample.inputs @ weight.T).argmax(axis=1) == sample.labels for weight in weights]
    return np.asarray(np.mean(right, axis=1), dtype=np.float64)


def cross_entropy(weight: NDArray[np.floating], sample: Sample) -> float:
    """Mean over the rows of `sample` for a head without bias, `weight (k, c)`."""
    chances = log_softmax(sample.inputs @ weight.T, axis=1)
    return float(-chances[np.arange(len(sample.labels)), sample.labels].mean())
