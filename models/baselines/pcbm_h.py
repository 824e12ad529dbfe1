"""Baseline: a post-hoc concept bottleneck, then a residual on the features beside it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.baselines.parts.residual import Residuals, ResidualSettings, train_residuals
from models.baselines.pcbm import FittedPcbm, Pcbm
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class FittedPcbmH:
    """A bottleneck and a residual a seed.

    Attributes:
        bottleneck: As it was before the residual; without the residual the predictions are its own.
        residuals: On the scaled features.
        scaling: Of the features.
        settings: Of the residuals.
    """

    bottleneck: FittedPcbm
    residuals: Residuals
    scaling: Scaling
    settings: ResidualSettings

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        residual = self.residuals.logits(self.scaling.apply(inputs.features))
        return np.asarray(softmax(self.bottleneck.logits(inputs) + residual, axis=2))

    def save(self, directory: Path) -> None:
        """The bottleneck in `directory/<seed>/bottleneck`, the residual in `directory/<seed>`."""
        for row, seed in enumerate(self.bottleneck.seeds):
            tensors = {
                "weight": self.residuals.weight[row],
                "bias": self.residuals.bias[row],
                "center": self.scaling.center,
                "scale": self.scaling.scale,
            }
            about = {
                "classes": self.bottleneck.classes,
                "seed": seed,
                "scaling": self.scaling.kind,
                "settings": asdict(self.settings),
            }
            save_artifact(directory / str(seed), Artifact(tensors, about), kind="pcbm_h")
        self.bottleneck.save(directory, "bottleneck")


@dataclass(frozen=True, slots=True)
class PcbmH:
    """PCBM-h (Yuksekgonul, Wang and Zou 2023, section 2): the bottleneck is fitted first and then frozen.

    Attributes:
        bottleneck: What is frozen.
        settings: Of the residual.
        name: In the audit.
    """

    bottleneck: Pcbm
    settings: ResidualSettings = field(default_factory=ResidualSettings)
    name: str = "pcbm_h"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedPcbmH:
        """Trains the bottleneck, then the residual on what it leaves unexplained."""
        bottleneck = self.bottleneck.fit(data, seeds=seeds)
        scaling = Scaling.fit(ScalingKind.STANDARD, data.train.features)
        residuals = train_residuals(
            scaling.apply(data.train.features),
            data.train_labels,
            frozen=bottleneck.logits(data.train),
            seeds=seeds,
            settings=self.settings,
        )
        if progress is not None:
            progress(1, 1)
        return FittedPcbmH(bottleneck, residuals, scaling, self.settings)
