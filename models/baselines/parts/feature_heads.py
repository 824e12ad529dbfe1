"""Linear heads on an encoder's features, fitted: what the linear probe and its relatives give back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, TrainingData
from models.baselines.parts.weighted_heads import head_logits
from models.heads.shared import Heads, Sample
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class FittedFeatureHeads:
    """One linear layer a seed.

    Attributes:
        kind: Name of the method, which names the artifact.
        classes: `(k,)`.
        seeds: `(s,)`.
        heads: Weights and biases.
        scaling: Of the features.
        about: How they were trained; JSON values.
    """

    kind: str
    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    heads: Heads
    scaling: Scaling
    about: Mapping[str, Any]

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)` from the features."""
        return np.asarray(softmax(head_logits(self.heads, self.scaling.apply(inputs.features)), axis=2))

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
                **self.about,
                "classes": self.classes,
                "seed": seed,
                "epoch": int(self.heads.epoch[row]),
                "validation_accuracy": float(self.heads.validation_accuracy[row]),
                "scaling": self.scaling.kind,
            }
            save_artifact(directory / str(seed), Artifact(tensors, about), kind=self.kind)


@dataclass(frozen=True, slots=True)
class ScaledFeatures:
    """Training and validation features of a split, scaled alike.

    Attributes:
        train, validation: With labels.
        scaling: Fitted on the training rows.
    """

    train: Sample
    validation: Sample
    scaling: Scaling


def scale_features(data: TrainingData, kind: ScalingKind) -> ScaledFeatures:
    """As the training rows ask for it."""
    scaling = Scaling.fit(kind, data.train.features)
    return ScaledFeatures(
        train=Sample(scaling.apply(data.train.features), data.train_labels),
        validation=Sample(scaling.apply(data.validation.features), data.validation_labels),
        scaling=scaling,
    )
