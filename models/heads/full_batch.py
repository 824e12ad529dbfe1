"""Trains many linear heads at once on whole passes: the walk of mini-batch Adam in one step an epoch.

A step is as long as the mini-batches of an epoch together could go, learning rate x their number, so one
setting means the same to this solver and to `models.heads.mini_batch`. It shortens to nothing over the last
quarter of the epochs, where mini-batches go on jittering. The epoch kept is chosen alike: the highest
validation accuracy and, among equals, the lowest validation cross-entropy.

Why not to convergence: the optimum lies far from where the paper stops, where the tanh is saturated and the
shortcut of the training images wins (docs/method.md has the figures). How far a head has walked from its
seed's first weights is part of the method, so this solver keeps the walk and saves the steps.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.heads.shared import (
    BETAS,
    EPSILON,
    Heads,
    HeadSettings,
    Sample,
    as_inputs,
    as_prior,
    first_weights,
    keep_best,
    one_thread,
    prior_gradient,
)

LONGEST_STEP = 0.1  # more would leap over the bend of the tanh
HELD = 0.75  # share of the epochs at full length


def train_full_batch(
    train: Sample,
    validation: Sample,
    *,
    classes: int,
    seeds: Sequence[int],
    settings: HeadSettings,
    prior: NDArray[np.floating] | None = None,
    bias: bool = False,
) -> Heads:
    """One head a seed, each as if it were trained alone; arguments and result as of `train_mini_batch`.

    A head's seed draws its first weights (as `torch.nn.Linear` does) and nothing else.
    """
    with one_thread():
        path = descend(train, classes=classes, seeds=seeds, settings=settings, prior=prior, bias=bias)
        return keep_best(path, validation)


def descend(
    train: Sample,
    *,
    classes: int,
    seeds: Sequence[int],
    settings: HeadSettings,
    prior: NDArray[np.floating] | None,
    bias: bool,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Weights `(h, k, d)` and offsets `(h, k)` before the first epoch and after each; changed in place."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    weight, offset = first_weights(generators, classes=classes, width=train.inputs.shape[-1], bias=bias)
    slope = Slope.of(train, as_prior(prior, weight.shape), classes=classes, strength=settings.strength)
    walk = Walk.planned(settings, rows=len(train.labels))
    moments = Moments.of(weight), Moments.of(offset)
    yield weight, offset
    for epoch in range(1, settings.epochs + 1):
        for_weight, for_offset = slope.at(weight, offset)
        walk.step(epoch, weight, for_weight, moments[0])
        if bias:
            walk.step(epoch, offset, for_offset, moments[1])
        yield weight, offset


@dataclass(frozen=True, slots=True)
class Slope:
    """Of the objective over all rows: cross-entropy + strength x mean |tanh(W) - prior|.

    Rows lie along the last axis, where softmax over few classes is several times as fast.

    Attributes:
        columns: `(d, n)` or `(h, d, n)`, the inputs turned.
        truth: `(k, n)`, 1 at the label.
        prior: `(h, k, d)` or None.
        strength: Of the prior term.
    """

    columns: Tensor
    truth: Tensor
    prior: Tensor | None
    strength: float

    @classmethod
    def of(cls, train: Sample, prior: Tensor | None, *, classes: int, strength: float) -> "Slope":
        """Of these rows and signs."""
        truth = functional.one_hot(torch.from_numpy(train.labels), classes).float()
        return cls(as_inputs(train).mT.contiguous(), truth.T.contiguous(), prior, strength)

    def at(self, weight: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Of weight `(h, k, d)` and offset `(h, k)`."""
        logits = torch.matmul(weight, self.columns) + offset[:, :, None]
        excess = (logits.softmax(dim=1) - self.truth) / self.truth.shape[1]
        gradient = torch.matmul(excess, self.columns.mT)
        if self.prior is not None and self.strength:
            gradient += self.strength * prior_gradient(weight, self.prior)
        return gradient, excess.sum(dim=2)


@dataclass(frozen=True, slots=True)
class Moments:
    """Adam's running means of a parameter's gradient and of its square."""

    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, parameter: Tensor) -> "Moments":
        """Zero."""
        return cls(torch.zeros_like(parameter), torch.zeros_like(parameter))


@dataclass(frozen=True, slots=True)
class Walk:
    """Adam's update with the steps of an epoch taken together.

    Attributes:
        length: Of a step at full length.
        epochs: How many there are.
        memory: Beta_2 to the power of the mini-batches an epoch, so that squares are forgotten in as many
            passes as by Adam (Malladi et al. 2022 scale it alike); the mean keeps Adam's beta_1, which damps.
    """

    length: float
    epochs: int
    memory: float

    @classmethod
    def planned(cls, settings: HeadSettings, *, rows: int) -> "Walk":
        """In place of `settings.epochs` passes in mini-batches."""
        batches = math.ceil(rows / settings.batch)
        return cls(min(settings.learning_rate * batches, LONGEST_STEP), settings.epochs, BETAS[1] ** batches)

    def step(self, epoch: int, parameter: Tensor, gradient: Tensor, moments: Moments) -> None:
        """Moves `parameter` and remembers the gradient; `epoch` counts from 1."""
        moments.first.lerp_(gradient, 1 - BETAS[0])
        moments.second.mul_(self.memory).addcmul_(gradient, gradient, value=1 - self.memory)
        size = (moments.second / (1 - self.memory**epoch)).sqrt_().add_(EPSILON)
        parameter.addcdiv_(moments.first, size, value=-self.at(epoch) / (1 - BETAS[0] ** epoch))

    def at(self, epoch: int) -> float:
        """Length of the step of that epoch."""
        left = (self.epochs - epoch + 0.5) / self.epochs
        return self.length * min(1.0, left / (1 - HELD))
