"""Trains linear heads whose rows need not count alike: what the linear probe, GroupDRO and JTT share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.heads.mini_batch import walk
from models.heads.shared import Heads, HeadSettings, Sample, as_inputs, keep_best, one_thread, select

PENALTY = 0.1  # chosen for the linear probe on development images (docs/method.md)


class Weighting(Protocol):
    """How much each row of a mini-batch counts."""

    def weights(self, losses: Tensor, rows: Tensor) -> Tensor:
        """Weights `(h, b)` from the rows' `losses (h, b)` and their numbers `rows (h, b)`."""
        ...


class EqualWeights:
    """Every row counts alike: the mean of the mini-batch."""

    def weights(self, losses: Tensor, rows: Tensor) -> Tensor:
        """`1 / b` everywhere."""
        return torch.full_like(losses, 1 / rows.shape[1])


@dataclass(frozen=True, slots=True)
class Training:
    """How heads on features are trained.

    Attributes:
        head: Epochs, batch and step size of Adam; its strength and scaling do not concern these heads.
        penalty: Of the l2 norm: `penalty / 2 x |W|^2` is added to the loss; biases are free.
    """

    head: HeadSettings
    penalty: float = 0.0


def train_weighted_heads(
    train: Sample,
    validation: Sample,
    *,
    classes: int,
    seeds: Sequence[int],
    training: Training,
    weighting: Weighting,
) -> Heads:
    """One head a seed with a bias, the epoch of best validation accuracy kept as in `models.heads.shared`.

    With equal weights and no penalty these are the heads of `train_mini_batch`.

    Args:
        train: `n` rows, or `n` a head.
        validation: Selects the epoch.
        classes: `k`.
        seeds: `(h,)`; each draws the first weights and the order of the mini-batches.
        training: Of the heads.
        weighting: Of the rows; used for one training only, for it may remember.
    """
    with one_thread():
        path = descend(train, classes=classes, seeds=seeds, training=training, weighting=weighting)
        return keep_best(path, validation)


def descend(
    train: Sample, *, classes: int, seeds: Sequence[int], training: Training, weighting: Weighting
) -> Iterator[tuple[Tensor, Tensor]]:
    """Weights `(h, k, d)` and biases `(h, k)` before the first epoch and after each; changed in place."""
    inputs, labels = as_inputs(train), torch.from_numpy(train.labels)

    def gradients(weight: Tensor, offset: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        batch = select(inputs, rows)
        logits = torch.baddbmm(offset[:, None, :], batch, weight.transpose(1, 2))
        slopes = row_slopes(logits, labels[rows], rows, weighting)
        return torch.bmm(slopes.transpose(1, 2), batch).add_(weight, alpha=training.penalty), slopes.sum(
            dim=1
        )

    return walk(gradients, train, classes=classes, seeds=seeds, settings=training.head, bias=True)


def row_slopes(logits: Tensor, targets: Tensor, rows: Tensor, weighting: Weighting) -> Tensor:
    """Derivative `(h, b, k)` of the weighted cross-entropy in the `logits (h, b, k)` of a mini-batch."""
    chances = functional.log_softmax(logits, dim=2)
    losses = -chances.gather(2, targets[:, :, None])[:, :, 0]
    excess = chances.exp()
    excess.scatter_add_(2, targets[:, :, None], excess.new_full((*rows.shape, 1), -1.0))
    return excess * weighting.weights(losses, rows)[:, :, None]


def head_logits(heads: Heads, inputs: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(h, n, k)` from scaled `inputs (n, d)`, or `(h, n, d)` one table a head."""
    logits = inputs @ heads.weight.transpose(0, 2, 1).astype(np.float64) + heads.bias[:, None, :]
    return np.asarray(logits, dtype=np.float64)
