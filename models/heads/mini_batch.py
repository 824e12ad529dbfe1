"""Trains many linear heads at once as the paper does: Adam on mini-batches, the best epoch kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.heads.shared import (
    Heads,
    HeadSettings,
    Sample,
    as_inputs,
    as_prior,
    first_weights,
    keep_best,
    one_thread,
    prior_gradient,
    select,
)

# of weight (h, k, d) and offset (h, k), each head on its own rows (h, b), which come last
Gradients = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def train_mini_batch(
    train: Sample,
    validation: Sample,
    *,
    classes: int,
    seeds: Sequence[int],
    settings: HeadSettings,
    prior: NDArray[np.floating] | None = None,
    bias: bool = False,
) -> Heads:
    """One head a seed, each as if it were trained alone.

    A head's seed draws its first weights (as `torch.nn.Linear` does) and the order of its mini-batches.
    The loss is cross-entropy + strength x mean |tanh(W) - prior| (KnoBo, section 3); of epochs with equal
    validation accuracy the one with the lowest validation cross-entropy is kept.

    Args:
        train: `n` rows.
        validation: Selects the epoch.
        classes: `k`.
        seeds: `(h,)`.
        settings: Of the training.
        prior: `(k, d)` or `(h, k, d)`; no prior term if None.
        bias: Whether a head has one.
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
    signs = as_prior(prior, (len(seeds), classes, train.inputs.shape[-1]))
    loss = Loss(as_inputs(train), torch.from_numpy(train.labels), signs, settings.strength)
    return walk(loss.gradients, train, classes=classes, seeds=seeds, settings=settings, bias=bias)


def walk(
    gradients: Gradients,
    train: Sample,
    *,
    classes: int,
    seeds: Sequence[int],
    settings: HeadSettings,
    bias: bool,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Adam down any loss on the rows of `train`; weights and offsets as of `descend`."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    count, width = train.inputs.shape[-2:]
    weight, offset = first_weights(generators, classes=classes, width=width, bias=bias)
    adam = torch.optim.Adam([weight, offset] if bias else [weight], lr=settings.learning_rate)
    yield weight, offset
    for _ in range(settings.epochs):
        orders = torch.stack([torch.randperm(count, generator=each) for each in generators])
        for rows in torch.split(orders, settings.batch, dim=1):
            weight.grad, offset.grad = gradients(weight, offset, rows)
            adam.step()
        yield weight, offset


@dataclass(frozen=True, slots=True)
class Loss:
    """Cross-entropy of each head on its mini-batch, and its parameter prior.

    Attributes:
        inputs: `(n, d)` or `(h, n, d)`.
        labels: `(n,)`.
        prior: `(h, k, d)` or None.
        strength: Of the prior term.
    """

    inputs: Tensor
    labels: Tensor
    prior: Tensor | None
    strength: float

    def gradients(self, weight: Tensor, offset: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Of weight `(h, k, d)` and offset `(h, k)`, each head on its own `rows (h, b)`."""
        inputs = select(self.inputs, rows)
        logits = torch.baddbmm(offset[:, None, :], inputs, weight.transpose(1, 2))
        excess = functional.softmax(logits, dim=2)
        excess.scatter_add_(2, self.labels[rows][:, :, None], excess.new_full((*rows.shape, 1), -1.0))
        excess /= rows.shape[1]
        gradient = torch.bmm(excess.transpose(1, 2), inputs)
        if self.prior is not None and self.strength:
            gradient += self.strength * prior_gradient(weight, self.prior)
        return gradient, excess.sum(dim=1)
