"""A linear layer on the features that is added to logits which are left as they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.heads.shared import one_thread, select


@dataclass(frozen=True, slots=True)
class ResidualSettings:
    """How a residual is trained; defaults of the original.

    Attributes:
        penalty: Times the mean square of its weights, added to the cross-entropy.
        epochs, batch, learning_rate: Of Adam.
    """

    penalty: float = 1e-3
    epochs: int = 20
    batch: int = 64
    learning_rate: float = 1e-2


@dataclass(frozen=True, slots=True)
class Residuals:
    """One linear layer a seed.

    Attributes:
        weight: `(s, k, d) float64`.
        bias: `(s, k) float64`.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """From `features (n, d)` to `(s, n, k)`."""
        return np.asarray(features @ self.weight.transpose(0, 2, 1) + self.bias[:, None, :])


def train_residuals(
    features: NDArray[np.floating],
    labels: NDArray[np.int64],
    *,
    frozen: NDArray[np.floating],
    seeds: Sequence[int],
    settings: ResidualSettings,
) -> Residuals:
    """Minimises cross-entropy of frozen + W x + b, plus the penalty; all seeds side by side.

    Starts at W = 0, so that it departs from the frozen model and directions without data stay at zero; a seed
    draws the order of the images.

    Args:
        features: `(n, d)`.
        labels: `(n,)` class numbers.
        frozen: Logits `(s, n, k)` that do not learn.
        seeds: `(s,)`.
        settings: Of the training.
    """
    inputs, base = (torch.from_numpy(np.asarray(each, dtype=np.float32)) for each in (features, frozen))
    targets = torch.from_numpy(labels)
    weight = torch.zeros(len(seeds), base.shape[2], inputs.shape[1])
    bias = torch.zeros(len(seeds), 1, base.shape[2])
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    each_head = torch.arange(len(seeds))[:, None]
    adam = torch.optim.Adam([weight, bias], lr=settings.learning_rate)
    with one_thread():
        for _ in range(settings.epochs):
            orders = torch.stack([torch.randperm(len(labels), generator=each) for each in generators])
            for rows in torch.split(orders, settings.batch, dim=1):
                seen = select(inputs, rows)
                logits = base[each_head, rows] + torch.baddbmm(bias, seen, weight.transpose(1, 2))
                excess = functional.softmax(logits, dim=2) - functional.one_hot(targets[rows], base.shape[2])
                shrink = 2 * settings.penalty / weight[0].numel() * weight
                weight.grad = torch.bmm(excess.transpose(1, 2), seen) / rows.shape[1] + shrink
                bias.grad = excess.mean(dim=1, keepdim=True)
                adam.step()
    return Residuals(weight.double().numpy(), bias.double().numpy()[:, 0])
