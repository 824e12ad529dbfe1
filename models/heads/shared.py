"""Linear heads side by side: their settings, their first weights, and the epoch kept of a training."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.scaling import ScalingKind

BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's defaults in torch
CHANGING = Lock()  # held while the number of torch's threads changes


class Solver(StrEnum):
    """How the bottleneck's heads are fitted: in one step an epoch, or in mini-batches as in the paper."""

    FULL_BATCH = "full_batch"
    ADAM = "adam"


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a head is trained; defaults of the paper.

    Attributes:
        strength: Lambda, the weight of the parameter prior.
        epochs, batch, learning_rate: Of Adam.
        scaling: Of the inputs; none in the paper.
        solver: Of the bottleneck's heads; both walk the same way (`models.heads.full_batch`).
    """

    strength: float = 1.0
    epochs: int = 200
    batch: int = 64
    learning_rate: float = 1e-3
    scaling: ScalingKind = ScalingKind.NONE
    solver: Solver = Solver.FULL_BATCH


@dataclass(frozen=True, slots=True)
class Sample:
    """What a head is trained or selected on.

    Attributes:
        inputs: `(n, d)` shared by all heads, or `(h, n, d)` one table a head.
        labels: `(n,) int64` class numbers.
    """

    inputs: NDArray[np.floating]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Heads:
    """`h` trained heads.

    Attributes:
        weight: `(h, k, d) float32`.
        bias: `(h, k) float32`; zeros where the heads have none.
        epoch: `(h,)` the epoch kept, from 1.
        validation_accuracy: `(h,)` at that epoch.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    epoch: NDArray[np.int64]
    validation_accuracy: NDArray[np.float64]


class HeadSolver(Protocol):
    """One head a seed, each as if it were trained alone."""

    def __call__(
        self,
        train: Sample,
        validation: Sample,
        *,
        classes: int,
        seeds: Sequence[int],
        settings: HeadSettings,
        prior: NDArray[np.floating] | None = None,
        bias: bool = False,
    ) -> Heads:
        """Trains on one sample, selects the epoch on the other."""
        ...


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch: the steps are so small that waiting for a second takes longer than the work.

    The number is the calling thread's own, and the last one set is also what a new thread begins with; that
    is put back at once, so that threads which start meanwhile neither keep a 1 nor leave it behind.
    """
    with CHANGING:
        before = torch.get_num_threads()
        if before > 1:
            torch.set_num_threads(1)
            with ThreadPoolExecutor(1) as other:
                other.submit(torch.set_num_threads, before).result()
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)


def first_weights(
    generators: Sequence[torch.Generator], *, classes: int, width: int, bias: bool
) -> tuple[Tensor, Tensor]:
    """`(h, k, d)` and `(h, k)` as `torch.nn.Linear` starts; without a bias the latter is zero."""
    bound = 1 / math.sqrt(width)
    weight = torch.empty(len(generators), classes, width)
    offset = torch.zeros(len(generators), classes)
    for head, generator in enumerate(generators):
        weight[head].uniform_(-bound, bound, generator=generator)
        if bias:
            offset[head].uniform_(-bound, bound, generator=generator)
    return weight, offset


def as_inputs(sample: Sample) -> Tensor:
    """`(n, d)` or `(h, n, d)` float32."""
    return torch.from_numpy(np.ascontiguousarray(sample.inputs, dtype=np.float32))


def as_prior(prior: NDArray[np.floating] | None, shape: Sequence[int]) -> Tensor | None:
    """`(h, k, d)`, one a head."""
    if prior is None:
        return None
    return torch.from_numpy(np.ascontiguousarray(prior, dtype=np.float32)).expand(*shape)


def select(inputs: Tensor, rows: Tensor) -> Tensor:
    """The `rows (h, b)` of `inputs (n, d)` or `(h, n, d)`, `(h, b, d)`; four times as fast as indexing."""
    if inputs.dim() == 3:
        rows = rows + torch.arange(len(inputs))[:, None] * inputs.shape[1]
    flat = inputs.view(-1, inputs.shape[-1])
    return flat.index_select(0, rows.flatten()).view(*rows.shape, -1)


def prior_gradient(weight: Tensor, prior: Tensor) -> Tensor:
    """Of mean |tanh(W) - P| over the classes and concepts of each head, same shape as `weight`."""
    squashed = weight.tanh()
    cells = weight.shape[-1] * weight.shape[-2]
    return (squashed - prior).sign() * (1 - squashed * squashed) / cells


def keep_best(path: Iterator[tuple[Tensor, Tensor]], validation: Sample) -> Heads:
    """The best epoch of each head; `path` gives weights before the first and after each, changed in place."""
    weight, offset = next(path)
    best = Best(as_inputs(validation), torch.from_numpy(validation.labels), weight, offset)
    for epoch, (weight, offset) in enumerate(path, start=1):
        best.update(epoch, weight, offset)
    return best.heads()


class Best:
    """The epoch of highest validation accuracy of each head, by lowest cross-entropy where accuracies tie."""

    def __init__(self, inputs: Tensor, labels: Tensor, weight: Tensor, offset: Tensor) -> None:
        self.columns = inputs.mT.contiguous()  # rows along the last axis, as in `models.heads.full_batch`
        self.labels = labels.expand(len(weight), -1)
        self.weight, self.offset = weight.clone(), offset.clone()
        self.correct = torch.full((len(weight),), -1)
        self.loss = torch.full((len(weight),), math.inf)
        self.epoch = torch.zeros(len(weight), dtype=torch.int64)

    def update(self, epoch: int, weight: Tensor, offset: Tensor) -> None:
        """Keeps the heads that are better than before."""
        logits = weight @ self.columns + offset[:, :, None]
        correct = (logits.argmax(dim=1) == self.labels).sum(dim=1)
        losses = functional.cross_entropy(logits, self.labels, reduction="none").mean(dim=1)
        better = (correct > self.correct) | ((correct == self.correct) & (losses < self.loss))
        self.correct = torch.where(better, correct, self.correct)
        self.loss = torch.where(better, losses, self.loss)
        self.epoch[better] = epoch
        self.weight[better], self.offset[better] = weight[better], offset[better]

    def heads(self) -> Heads:
        """What was kept."""
        return Heads(
            weight=self.weight.numpy(),
            bias=self.offset.numpy(),
            epoch=self.epoch.numpy(),
            validation_accuracy=(self.correct / self.labels.shape[1]).double().numpy(),
        )
