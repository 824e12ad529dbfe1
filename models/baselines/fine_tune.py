"""Baseline: the encoder trained end to end on the labelled images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.errors import ModelsError
from models.images import open_image

NetworkFactory = Callable[
    [int], nn.Module
]  # from the number of classes; pretrained where weights are at hand


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How the encoder is trained.

    Attributes:
        epochs, batch, learning_rate, weight_decay: Of AdamW.
        size: Side of the square input in pixels.
        crop: Smallest share of the side that a random training crop keeps.
        brightness: Largest relative change of brightness and contrast.
        mean, deviation: Of each channel, as the pretrained weights expect.
    """

    epochs: int = 3
    batch: int = 32
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    size: int = 224
    crop: float = 0.85
    brightness: float = 0.1
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class FittedNetworks:
    """One network a seed.

    Attributes:
        classes: `(k,)`.
        seeds: `(s,)`.
        states: `(s,)` tensors of each network.
        epochs: `(s,)` the epoch kept, from 1.
        accuracies: `(s,)` on validation at that epoch.
        factory: Makes an empty network for the states.
        settings: Of the training.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    states: tuple[dict[str, Tensor], ...]
    epochs: tuple[int, ...]
    accuracies: tuple[float, ...]
    factory: NetworkFactory
    settings: FineTuneSettings

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)` from the image files."""
        network = self.factory(len(self.classes))
        results = []
        for state in self.states:
            network.load_state_dict(state)
            results.append(predict_paths(network, inputs.paths, settings=self.settings))
        return np.stack(results)

    def save(self, directory: Path) -> None:
        """Each network in `directory/<seed>`."""
        for row, seed in enumerate(self.seeds):
            tensors = {name: each.numpy() for name, each in self.states[row].items()}
            about = {
                "classes": self.classes,
                "seed": seed,
                "epoch": self.epochs[row],
                "validation_accuracy": self.accuracies[row],
                "settings": asdict(self.settings),
            }
            save_artifact(directory / str(seed), Artifact(tensors, about), kind="fine_tune")


@dataclass(frozen=True, slots=True)
class FineTune:
    """AdamW on all weights, light augmentation, the epoch of best validation accuracy.

    Attributes:
        factory: Makes the pretrained network.
        settings: Of the training.
        name: In the audit.
    """

    factory: NetworkFactory
    settings: FineTuneSettings = field(default_factory=FineTuneSettings)
    name: str = "fine_tune"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedNetworks:
        """Trains one network a seed; `progress` counts training and validation images."""
        if len(data.train.paths) != len(data.train_labels):
            raise ModelsError(
                "fine-tuning reads image files and none were given; pass the paths of the images"
            )
        images = len(data.train_labels) + len(data.validation_labels)
        counter = Counter(progress, total=len(seeds) * self.settings.epochs * images)
        runs = [self.fit_one(data, seed=seed, counter=counter) for seed in seeds]
        return FittedNetworks(
            classes=data.classes,
            seeds=tuple(seeds),
            states=tuple(run.state for run in runs),
            epochs=tuple(run.epoch for run in runs),
            accuracies=tuple(run.accuracy for run in runs),
            factory=self.factory,
            settings=self.settings,
        )

    def fit_one(self, data: TrainingData, *, seed: int, counter: "Counter") -> "Kept":
        """One network; the seed draws the new head, the order of the images and their augmentation."""
        settings, generator = self.settings, np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self.factory(len(data.classes))
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on CPU
            adam = torch.optim.AdamW(
                network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
            )
            kept = Kept({}, 0, -1.0, float("inf"))
            for epoch in range(1, settings.epochs + 1):
                train_epoch(network, adam, data, settings=settings, generator=generator, counter=counter)
                kept = better(kept, network, data, epoch=epoch, settings=settings)
                counter.add(len(data.validation_labels))
        return kept


class Counter:
    """Adds up images for a progress callback."""

    def __init__(self, progress: Progress | None, *, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def add(self, images: int) -> None:
        """These images are done."""
        self.done += images
        if self.progress is not None:
            self.progress(self.done, self.total)


@dataclass(frozen=True, slots=True)
class Kept:
    """The best epoch so far: its weights, number, validation accuracy and cross-entropy."""

    state: dict[str, Tensor]
    epoch: int
    accuracy: float
    loss: float


def train_epoch(
    network: nn.Module,
    adam: torch.optim.Optimizer,
    data: TrainingData,
    *,
    settings: FineTuneSettings,
    generator: np.random.Generator,
    counter: Counter,
) -> None:
    """Shows every training image once. A last batch of one image is left out: batch norm cannot use it."""
    network.train()
    order = generator.permutation(len(data.train_labels))
    for rows in batches(order, size=settings.batch):
        if len(rows) > 1:
            images = [augment(open_image(data.train.paths[row]), settings, generator) for row in rows]
            logits = network(to_tensor(images, settings))
            loss = functional.cross_entropy(logits, torch.from_numpy(data.train_labels[rows]))
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        counter.add(len(rows))


def better(
    kept: Kept, network: nn.Module, data: TrainingData, *, epoch: int, settings: FineTuneSettings
) -> Kept:
    """The network as it is now, if it does better on validation than what was kept."""
    probabilities = predict_paths(network, data.validation.paths, settings=settings)
    accuracy = float((probabilities.argmax(axis=1) == data.validation_labels).mean())
    chosen = probabilities[np.arange(len(probabilities)), data.validation_labels]
    loss = float(-np.log(np.maximum(chosen, 1e-12)).mean())
    if (accuracy, -loss) <= (kept.accuracy, -kept.loss):
        return kept
    state = {name: each.detach().clone().contiguous() for name, each in network.state_dict().items()}
    return Kept(state, epoch, accuracy, loss)


def predict_paths(
    network: nn.Module, paths: Sequence[Path], *, settings: FineTuneSettings
) -> NDArray[np.float64]:
    """Class probabilities `(n, k)` of image files."""
    network.eval()
    results = []
    with torch.inference_mode():
        for rows in batches(np.arange(len(paths)), size=settings.batch):
            images = [fit_square(open_image(paths[row]), settings.size) for row in rows]
            results.append(functional.softmax(network(to_tensor(images, settings)).double(), dim=1).numpy())
    return np.concatenate(results)


def batches(order: NDArray[np.int64], *, size: int) -> Iterator[NDArray[np.int64]]:
    """Consecutive parts of at most `size`."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def fit_square(image: Image.Image, size: int) -> Image.Image:
    """The middle square, scaled to `size` pixels."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def augment(image: Image.Image, settings: FineTuneSettings, generator: np.random.Generator) -> Image.Image:
    """A random square crop; never mirrored, for left and right mean something in a chest."""
    side = int(min(image.size) * generator.uniform(settings.crop, 1))
    left = int(generator.integers(0, image.width - side + 1))
    top = int(generator.integers(0, image.height - side + 1))
    square = image.resize(
        (settings.size, settings.size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    contrast, offset = 1 + settings.brightness * generator.uniform(-1, 1, size=2)
    return square.point(lambda value: (value - 128) * contrast + 128 * offset)


def to_tensor(images: Sequence[Image.Image], settings: FineTuneSettings) -> Tensor:
    """`(n, 3, size, size) float32`, normalised."""
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    scaled = (pixels.float() / 255 - torch.tensor(settings.mean)) / torch.tensor(settings.deviation)
    return scaled.permute(0, 3, 1, 2)
