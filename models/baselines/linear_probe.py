"""Baseline: a linear layer on the encoder's features, trained like the bottleneck's head."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.heads import Heads, HeadSettings, Sample, train_heads
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class FittedProbes:
    """One linear layer a seed.

    Attributes:
        classes: `(k,)`.
        seeds: `(s,)`.
        heads: Weights and biases.
        scaling: Of the features.
        settings: Of the training.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    heads: Heads
    scaling: Scaling
    settings: HeadSettings

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)` from the features."""
        scaled = self.scaling.apply(inputs.features)
        logits = scaled @ self.heads.weight.transpose(0, 2, 1) + self.heads.bias[:, None, :]
        return np.asarray(softmax(logits, axis=2))

    def save(self, directory: Path) -> None:
        """Each layer in `directory/<seed>`."""
        for row, seed in enumerate(self.seeds):
            tensors = {
                "weight": self.heads.weight[row],
                "bias": self.heads.bias[row],
                "center": self.scaling.center,
                "scale": self.scaling.scale,
            }
            about = {
                "classes": self.classes,
                "seed": seed,
                "epoch": int(self.heads.epoch[row]),
                "validation_accuracy": float(self.heads.validation_accuracy[row]),
                "scaling": self.scaling.kind,
                "settings": asdict(self.settings),
            }
            save_artifact(directory / str(seed), Artifact(tensors, about), kind="linear_probe")


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """The paper's linear probe; on standardised features 200 epochs at 1e-3 suffice to fit it well.

    Attributes:
        settings: Of the training; `strength` and `scaling` do not concern it.
        scaling: Of the features.
        name: In the audit.
    """

    settings: HeadSettings = field(default_factory=HeadSettings)
    scaling: ScalingKind = ScalingKind.STANDARD
    name: str = "linear_probe"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedProbes:
        """Trains on the features."""
        scaling = Scaling.fit(self.scaling, data.train.features)
        heads = train_heads(
            Sample(scaling.apply(data.train.features), data.train_labels),
            Sample(scaling.apply(data.validation.features), data.validation_labels),
            classes=len(data.classes),
            seeds=seeds,
            settings=self.settings,
            bias=True,
        )
        if progress is not None:
            progress(1, 1)
        return FittedProbes(data.classes, tuple(seeds), heads, scaling, self.settings)
