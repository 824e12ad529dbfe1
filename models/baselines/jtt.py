"""Baseline: a linear layer trained twice, the second time with the first one's errors upweighted."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import torch
from torch import Tensor

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.feature_heads import FittedFeatureHeads, scale_features
from models.baselines.parts.weighted_heads import (
    PENALTY,
    EqualWeights,
    Training,
    descend,
    train_weighted_heads,
)
from models.heads.shared import HeadSettings, Sample, as_inputs, one_thread
from models.scaling import ScalingKind


@dataclass(frozen=True, slots=True)
class JttSettings:
    """Of the method, beside those of the training.

    Attributes:
        first_epochs: T, epochs of the first model, whose errors are counted.
        upweight: Lambda_up, how often an error counts in the second.
        penalty: Of the l2 norm, in both; that of the linear probe.
    """

    first_epochs: int = 1
    upweight: float = 5.0
    penalty: float = PENALTY


@dataclass(frozen=True, slots=True)
class Jtt:
    """Just train twice (Liu et al. 2021, algorithm 1) on frozen features.

    Attributes:
        training: Of the layer.
        settings: Of the method.
        scaling: Of the features.
        name: In the audit.
    """

    training: HeadSettings = field(default_factory=HeadSettings)
    settings: JttSettings = field(default_factory=JttSettings)
    scaling: ScalingKind = ScalingKind.STANDARD
    name: str = "jtt"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedFeatureHeads:
        """Trains on the features, twice."""
        features = scale_features(data, self.scaling)
        training = Training(self.training, self.settings.penalty)
        wrong = first_errors(
            features.train,
            classes=len(data.classes),
            seeds=seeds,
            training=replace(training, head=replace(self.training, epochs=self.settings.first_epochs)),
        )
        heads = train_weighted_heads(
            features.train,
            features.validation,
            classes=len(data.classes),
            seeds=seeds,
            training=training,
            weighting=ErrorWeights(wrong, upweight=self.settings.upweight),
        )
        if progress is not None:
            progress(1, 1)
        about = {
            "training": asdict(training),
            "settings": asdict(self.settings),
            "errors_of_first_model": wrong.sum(dim=1).tolist(),
        }
        return FittedFeatureHeads(self.name, data.classes, tuple(seeds), heads, features.scaling, about)


def first_errors(train: Sample, *, classes: int, seeds: Sequence[int], training: Training) -> Tensor:
    """Which rows the first model of each seed gets wrong after its last epoch, `(h, n)` booleans."""
    with one_thread():
        *_, (weight, offset) = descend(
            train, classes=classes, seeds=seeds, training=training, weighting=EqualWeights()
        )
        logits = as_inputs(train) @ weight.transpose(1, 2) + offset[:, None, :]
    return logits.argmax(dim=2) != torch.from_numpy(train.labels)


class ErrorWeights:
    """Errors of the first model count `upweight` times; the mean weight of all training rows is 1.

    Attributes:
        relative: `(h, n)` weight of each training row of each head.
    """

    def __init__(self, wrong: Tensor, *, upweight: float) -> None:
        raw = torch.where(wrong, upweight, 1.0)
        self.relative = raw / raw.mean(dim=1, keepdim=True)

    def weights(self, losses: Tensor, rows: Tensor) -> Tensor:
        """Of the rows of a mini-batch."""
        del losses
        return self.relative.gather(1, rows) / rows.shape[1]
