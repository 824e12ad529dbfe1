"""Baseline: the encoder trained end to end on the labelled images."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.artifacts import Artifact, save_artifact
from models.baselines.fine_tune_settings import FineTuneSettings
from models.baselines.interface import Inputs, Progress, TrainingData
from models.baselines.parts.network_training import (
    Counter,
    Kept,
    LabelledPixels,
    class_probabilities,
    train_network,
)
from models.baselines.parts.pixels import Pixels
from models.errors import ModelsError

NetworkFactory = Callable[
    [int], nn.Module
]  # from the number of classes; pretrained where weights are at hand
DRAWING = Lock()  # torch's random state is the whole process's: one network at a time draws from it


@dataclass(frozen=True, slots=True)
class FittedNetworks:
    """One network a seed.

    Attributes:
        classes: `(k,)`.
        seeds: `(s,)`.
        kept: `(s,)` the epoch kept of each network.
        factory: Makes an empty network for the weights.
        settings: Of the training.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    kept: tuple[Kept, ...]
    factory: NetworkFactory
    settings: FineTuneSettings

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)` from the image files."""
        pixels = pixels_of(inputs, self.settings)
        with DRAWING:  # an empty network too draws its first weights
            network = placed(self.factory(len(self.classes)))
        results = []
        for kept in self.kept:
            network.load_state_dict(kept.state)
            results.append(class_probabilities(network, pixels, settings=self.settings))
        return np.stack(results)

    def save(self, directory: Path) -> None:
        """Each network in `directory/<seed>`."""
        for seed, kept in zip(self.seeds, self.kept, strict=True):
            tensors = {name: each.numpy() for name, each in kept.state.items()}
            about = {
                "classes": self.classes,
                "seed": seed,
                "epoch": kept.epoch,
                "validation_accuracy": kept.accuracy,
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
        """Trains one network a seed, on a GPU where there is one; `progress` counts images.

        A seed draws the new last layer, the order of the images, their augmentation, and what is dropped
        out. Threads wait for each other, so that each draws what it would alone.

        Raises:
            ModelsError: No image files, or one that cannot be read.
        """
        if len(data.train.paths) != len(data.train_labels):
            raise ModelsError(
                "fine-tuning reads image files and none were given; pass the paths of the images"
            )
        train = LabelledPixels(pixels_of(data.train, self.settings), data.train_labels)
        validation = LabelledPixels(pixels_of(data.validation, self.settings), data.validation_labels)
        images = len(train.labels) + len(validation.labels)
        counter = Counter(progress, total=len(seeds) * self.settings.epochs * images)
        kept = []
        for seed in seeds:
            with DRAWING, torch.random.fork_rng(devices=random_devices()):
                torch.manual_seed(seed)
                network = placed(self.factory(len(data.classes)))
                kept.append(
                    train_network(
                        network, train, validation, settings=self.settings, seed=seed, counter=counter
                    )
                )
        return FittedNetworks(data.classes, tuple(seeds), tuple(kept), self.factory, self.settings)


def pixels_of(inputs: Inputs, settings: FineTuneSettings) -> Pixels:
    """The images' pixels, at the side and within the memory of the settings."""
    return Pixels(inputs.paths, side=settings.side, megabytes=settings.megabytes)


def placed(network: nn.Module) -> nn.Module:
    """On a GPU where there is one, its weights in the order of channels that is fastest."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def random_devices() -> list[int]:
    """GPUs whose random state training draws from."""
    return [torch.cuda.current_device()] if torch.cuda.is_available() else []
