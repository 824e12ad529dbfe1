"""Many logistic regressions on the same inputs at once: preconditioned L-BFGS over all of them.

Each minimises scikit-learn's objective, 1/2 |w|^2 + C sum_i s_i loss(t_i, w.x_i + b), with its own targets t
and sample weights s (0 leaves a row out: an unknown answer, a held-out fold). In the eigenbasis of X'X the
Hessian is close to diagonal, and that diagonal is the preconditioner.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MEMORY = 6  # pairs of steps and gradient changes that L-BFGS keeps
HALVINGS = 20
COMPRESS_AT = 0.2  # share of finished problems at which they are dropped from the arrays


@dataclass(frozen=True, slots=True)
class Basis:
    """Inputs turned into the eigenbasis of `X'X`, with a column of ones for the bias.

    Attributes:
        inputs: `(n, r + 1)`, the last column is 1.
        axes: `(d, r)`, orthonormal; a weight vector is `axes @ coefficients[:-1]`.
        eigenvalues: `(r + 1,)` mean squares of the columns of `inputs`.
    """

    inputs: Array
    axes: Array
    eigenvalues: Array

    @classmethod
    def of(cls, inputs: NDArray[np.float64]) -> Self:
        """From `inputs (n, d)`; directions in which the inputs do not vary are dropped."""
        squares, axes = np.linalg.eigh(inputs.T @ inputs)
        keep = squares > 1e-13 * max(float(squares[-1]), 1e-300)
        turned = np.concatenate([inputs @ axes[:, keep], np.ones((len(inputs), 1))], axis=1)
        eigenvalues = np.append(squares[keep], len(inputs)) / len(inputs)
        return cls(turned, axes[:, keep], eigenvalues)

    def to_single(self) -> "Basis":
        """The same in float32, twice as fast."""
        return Basis(*(each.astype(np.float32) for each in (self.inputs, self.axes, self.eigenvalues)))

    def weight(self, coefficients: Array) -> Array:
        """Back to the original columns: `(p, r + 1)` -> `(p, d)`."""
        return coefficients[:, :-1] @ self.axes.T


@dataclass(slots=True)
class Problems:
    """`p` logistic regressions, in the state of the search.

    Attributes:
        basis: Shared inputs.
        targets, weights: `(p, n)`; `weights` are sample weights times `C`.
        place: `(p, r + 1)` coefficients.
        loss: `(p,)`.
        gradient, diagonal: `(p, r + 1)`, the latter approximates the Hessian's.
        pairs: `(step, change, 1 / step.change)` of the last iterations.
    """

    basis: Basis
    targets: Array
    weights: Array
    place: Array
    loss: Array = field(init=False)
    gradient: Array = field(init=False)
    diagonal: Array = field(init=False)
    pairs: deque[tuple[Array, Array, Array]] = field(init=False)

    def __post_init__(self) -> None:
        logits, self.loss = self.evaluate(self.place, np.arange(len(self.place)))
        self.gradient, self.diagonal = self.slopes(self.place, logits)
        self.pairs = deque(maxlen=MEMORY)

    @property
    def penalty(self) -> Array:
        """1 for each coefficient, 0 for the bias."""
        return np.append(np.ones(self.place.shape[1] - 1), 0).astype(self.place.dtype)

    def evaluate(self, place: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Logits `(len(rows), n)` and losses of the problems `rows` at `place`."""
        logits = place @ self.basis.inputs.T
        losses = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - self.targets[rows] * logits
        fit = np.einsum("pn,pn->p", self.weights[rows], losses)
        return logits, fit + 0.5 * np.einsum("pr,pr->p", place * self.penalty, place)

    def slopes(self, place: Array, logits: Array) -> tuple[Array, Array]:
        """Gradient and diagonal of the Hessian's approximation, `(p, r + 1)` each."""
        small = np.exp(-np.abs(logits))
        probabilities = np.where(logits >= 0, 1, small) / (1 + small)
        gradient = (self.weights * (probabilities - self.targets)) @ self.basis.inputs + place * self.penalty
        curvature = np.einsum("pn,pn->p", self.weights, probabilities * (1 - probabilities))
        floor = np.finfo(place.dtype).tiny
        return gradient, np.maximum(curvature[:, None] * self.basis.eigenvalues + self.penalty, floor)

    def direction(self) -> Array:
        """The two-loop recursion of L-BFGS, for all problems together."""
        result = self.gradient.copy()
        shares = []
        for step, change, inverse in reversed(self.pairs):
            shares.append(inverse * np.einsum("pr,pr->p", step, result))
            result -= shares[-1][:, None] * change
        result /= self.diagonal
        for (step, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            back = inverse * np.einsum("pr,pr->p", change, result)
            result += (share - back)[:, None] * step
        return -result

    def advance(self) -> None:
        """One step of every problem, halved where it would not descend."""
        direction = self.direction()
        descent = np.einsum("pr,pr->p", direction, self.gradient)
        place = self.place + direction
        everyone = np.arange(len(place))
        logits, loss = self.evaluate(place, everyone)
        rounding = 10 * np.finfo(place.dtype).eps * np.abs(self.loss)
        size = np.ones(len(place), place.dtype)
        for _ in range(HALVINGS):
            worse = np.flatnonzero(loss > self.loss + 1e-4 * size * descent + rounding)
            if len(worse) == 0:
                break
            size[worse] /= 2
            place[worse] = self.place[worse] + size[worse, None] * direction[worse]
            logits[worse], loss[worse] = self.evaluate(place[worse], worse)
        self.move(place, logits, loss)

    def move(self, place: Array, logits: Array, loss: Array) -> None:
        """Takes the new place and remembers the pair that led there."""
        gradient, diagonal = self.slopes(place, logits)
        step, change = place - self.place, gradient - self.gradient
        product = np.einsum("pr,pr->p", step, change)
        usable = (
            product > np.finfo(place.dtype).tiny / np.finfo(place.dtype).eps
        )  # else 1 / product overflows
        inverse = np.where(usable, 1 / np.where(usable, product, 1), 0).astype(place.dtype)
        self.pairs.append((step, change, inverse))
        self.place, self.loss, self.gradient, self.diagonal = place, loss, gradient, diagonal

    def error(self) -> Array:
        """Estimated distance from the optimum, `(p,)`: length of the preconditioned gradient."""
        return np.asarray(np.linalg.norm(self.gradient / self.diagonal, axis=1))

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Drops the finished problems."""
        for name in ("targets", "weights", "place", "loss", "gradient", "diagonal"):
            setattr(self, name, getattr(self, name)[rows])
        self.pairs = deque(((a[rows], b[rows], c[rows]) for a, b, c in self.pairs), maxlen=MEMORY)


def fit_logistic(
    basis: Basis,
    targets: Array,
    weights: Array,
    *,
    start: Array | None = None,
    tolerance: float = 1e-4,
    maximum: int = 500,
) -> Array:
    """Coefficients `(p, r + 1)` in the basis, the bias last.

    Args:
        basis: Of the `n` inputs; its precision is the precision of the search.
        targets: `(p, n)` in [0, 1].
        weights: `(p, n)` sample weights times `C`.
        start: `(p, r + 1)` where to begin; zeros by default.
        tolerance: On the estimated distance of the coefficients from the optimum.
        maximum: Iterations.
    """
    precision = basis.inputs.dtype
    place = np.zeros((len(targets), basis.inputs.shape[1])) if start is None else start
    result = place.astype(precision)
    problems = Problems(basis, targets.astype(precision), weights.astype(precision), result.copy())
    live = np.arange(len(targets))
    for _ in range(maximum):
        done = problems.error() <= tolerance
        if done.all():
            break
        if done.mean() > COMPRESS_AT:
            result[live] = problems.place
            problems.keep(~done)
            live = live[~done]
        problems.advance()
    result[live] = problems.place
    return result
