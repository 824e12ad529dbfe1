"""Trains a network on pixels: augmentation, an epoch, the best epoch by validation."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.baselines.fine_tune_settings import FineTuneSettings
from models.baselines.interface import Progress
from models.baselines.parts.augmentation import augment, centred, normalised, to_images
from models.baselines.parts.pixels import Pixels


@dataclass(frozen=True, slots=True)
class LabelledPixels:
    """Images and their classes.

    Attributes:
        pixels: Of `n` images.
        labels: `(n,) int64`.
    """

    pixels: Pixels
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kept:
    """The best epoch so far: its weights, number, validation accuracy and cross-entropy."""

    state: dict[str, Tensor]
    epoch: int
    accuracy: float
    loss: float


class Counter:
    """Adds up images for a progress callback."""

    def __init__(self, progress: Progress | None, *, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def add(self, images: int) -> None:
        """These images are done."""
        self.done += images
        if self.progress is not None:
            self.progress(self.done, self.total)


def train_network(
    network: nn.Module,
    train: LabelledPixels,
    validation: LabelledPixels,
    *,
    settings: FineTuneSettings,
    seed: int,
    counter: Counter,
) -> Kept:
    """AdamW on all weights; the epoch of best validation accuracy, by cross-entropy where accuracies tie."""
    generator = np.random.default_rng(seed)
    adam = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    kept = Kept({}, 0, -1.0, float("inf"))
    for epoch in range(1, settings.epochs + 1):
        train_epoch(network, adam, train, settings=settings, generator=generator, counter=counter)
        kept = better(kept, network, validation, epoch=epoch, settings=settings)
        counter.add(len(validation.labels))
    return kept


def train_epoch(
    network: nn.Module,
    adam: torch.optim.Optimizer,
    train: LabelledPixels,
    *,
    settings: FineTuneSettings,
    generator: np.random.Generator,
    counter: Counter,
) -> None:
    """Shows every training image once."""
    train_mode(network)
    device = device_of(network)
    order = generator.permutation(len(train.labels))
    for rows, pixels in train.pixels.batches(parts_of(order, size=settings.batch)):
        images = augment(to_images(pixels, device), settings, generator)
        with mixed_precision(device):
            logits = network(normalised(images, network))
        targets = torch.from_numpy(train.labels[rows]).to(device)
        loss = functional.cross_entropy(logits.float(), targets)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        counter.add(len(rows))


def train_mode(network: nn.Module) -> None:
    """Training, but with the batch statistics of the pretraining.

    Those of mini-batches of a few hundred images are noise, cannot be had from a batch of one, and cost time.
    """
    network.train()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001  # has no public name
            module.eval()


def better(
    kept: Kept, network: nn.Module, validation: LabelledPixels, *, epoch: int, settings: FineTuneSettings
) -> Kept:
    """The network as it is now, if it does better on validation than what was kept."""
    probabilities = class_probabilities(network, validation.pixels, settings=settings)
    accuracy = float((probabilities.argmax(axis=1) == validation.labels).mean())
    chosen = probabilities[np.arange(len(probabilities)), validation.labels]
    loss = float(-np.log(np.maximum(chosen, 1e-12)).mean())
    if (accuracy, -loss) <= (kept.accuracy, -kept.loss):
        return kept
    state = {name: each.detach().cpu().clone().contiguous() for name, each in network.state_dict().items()}
    return Kept(state, epoch, accuracy, loss)


def class_probabilities(
    network: nn.Module, pixels: Pixels, *, settings: FineTuneSettings
) -> NDArray[np.float64]:
    """`(n, k)`, in the order of the images."""
    network.eval()
    device = device_of(network)
    results = []
    with torch.inference_mode():
        for _, part in pixels.batches(parts_of(np.arange(len(pixels)), size=settings.batch)):
            images = centred(to_images(part, device), settings)
            with mixed_precision(device):
                logits = network(normalised(images, network))
            results.append(functional.softmax(logits.double(), dim=1).cpu().numpy())
    return np.concatenate(results)


def parts_of(order: NDArray[np.int64], *, size: int) -> Iterator[NDArray[np.int64]]:
    """Consecutive parts of at most `size`."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def device_of(network: nn.Module) -> torch.device:
    """Where its weights are."""
    return next(network.parameters()).device


def mixed_precision(device: torch.device) -> torch.autocast:
    """Half the bits for matrix products on a GPU; on a CPU nothing changes."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
