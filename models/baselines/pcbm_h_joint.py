"""Baseline: concept bottleneck and residual trained together as in KnoBo's code, and its bottleneck alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.baselines.parts.concept_scores import ConceptScores
from models.baselines.parts.once import once
from models.baselines.parts.weighted_heads import EqualWeights, Training, train_weighted_heads
from models.bottleneck import scale_scores
from models.heads.shared import Heads, HeadSettings, Sample
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class Joined:
    """Concept scores and features of an image in one row, so that one linear layer reads both.

    Attributes:
        source: Of the concept scores.
        scores, features: Scalings, fitted on the training images.
    """

    source: ConceptScores
    scores: Scaling
    features: Scaling

    def columns(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(n, c + d)`, the concepts first."""
        return np.concatenate(
            [self.scores.apply(self.source.scores(inputs)), self.features.apply(inputs.features)], axis=1
        )


@dataclass(frozen=True, slots=True)
class FittedPcbmHJoint:
    """One layer a seed on concepts and features.

    Attributes:
        kind: Name of the method, which names the artifact.
        classes: `(k,)`.
        concept_ids: `(c,)`.
        seeds: `(s,)`.
        joined: What the layers read.
        heads: Weights `(s, k, c + d)` and biases.
        about: How they were trained; JSON values.
    """

    kind: str
    classes: tuple[str, ...]
    concept_ids: tuple[str, ...]
    seeds: tuple[int, ...]
    joined: Joined
    heads: Heads
    about: Mapping[str, Any]

    def logits(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(s, n, k)`."""
        weight = self.heads.weight.transpose(0, 2, 1).astype(np.float64)
        return np.asarray(self.joined.columns(inputs) @ weight + self.heads.bias[:, None, :])

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        return np.asarray(softmax(self.logits(inputs), axis=2))

    def save(self, directory: Path) -> None:
        """Each layer in `directory/<seed>`, with the scalings and what its scores rest on."""
        for row, seed in enumerate(self.seeds):
            tensors = {
                **{f"scores_{name}": each for name, each in self.joined.source.tensors().items()},
                "weight": self.heads.weight[row],
                "bias": self.heads.bias[row],
                "score_center": self.joined.scores.center,
                "score_scale": self.joined.scores.scale,
                "center": self.joined.features.center,
                "scale": self.joined.features.scale,
            }
            about = {
                **self.about,
                "classes": self.classes,
                "concept_ids": self.concept_ids,
                "seed": seed,
                "epoch": int(self.heads.epoch[row]),
                "validation_accuracy": float(self.heads.validation_accuracy[row]),
                **self.joined.source.about(),
                "score_scaling": self.joined.scores.kind,
                "scaling": self.joined.features.kind,
            }
            save_artifact(directory / str(seed), Artifact(tensors, about), kind=self.kind)


@dataclass(frozen=True, slots=True)
class PcbmHJoint:
    """PCBM-h as KnoBo's code trains it: both layers at once, so that the residual may take what it likes.

    Attributes:
        source: Of the concept scores.
        settings: Of the training, and of the scaling of the scores; features are standardised.
        penalty: `penalty / 2 x |W|^2` is added to the loss; KnoBo's code has none.
        name: In the audit.
    """

    source: ConceptScores
    settings: HeadSettings = field(default_factory=HeadSettings)
    penalty: float = 0.0
    name: str = "pcbm_h_joint"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedPcbmHJoint:
        """Trains one layer on concepts and features side by side, which is the sum of two."""
        joined = Joined(
            source=self.source,
            scores=scale_scores(self.source.scores(data.train), settings=self.settings),
            features=Scaling.fit(ScalingKind.STANDARD, data.train.features),
        )
        training = Training(self.settings, self.penalty)
        heads = train_joint_heads(
            Sample(joined.columns(data.train).astype(np.float32), data.train_labels),
            Sample(joined.columns(data.validation).astype(np.float32), data.validation_labels),
            classes=len(data.classes),
            seeds=tuple(seeds),
            training=training,
        )
        if progress is not None:
            progress(1, 1)
        return FittedPcbmHJoint(
            kind=self.name,
            classes=data.classes,
            concept_ids=data.concept_ids,
            seeds=tuple(seeds),
            joined=joined,
            heads=heads,
            about={"training": asdict(training)},
        )


@once(capacity=64)
def train_joint_heads(
    train: Sample, validation: Sample, *, classes: int, seeds: tuple[int, ...], training: Training
) -> Heads:
    """One head a seed; the model and its control without residual ask for the same."""
    return train_weighted_heads(
        train, validation, classes=classes, seeds=seeds, training=training, weighting=EqualWeights()
    )


@dataclass(frozen=True, slots=True)
class ResidualZeroed:
    """Control: the joint model with the weights of its features set to zero after training.

    Features are measured from their training mean, so the bias stays as it is.
    """

    joint: PcbmHJoint
    name: str = "pcbm_h_joint_residual_zeroed"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedPcbmHJoint:
        """Trains nothing where the joint model has been fitted on the same data."""
        fitted = self.joint.fit(data, seeds=seeds, progress=progress)
        weight = fitted.heads.weight.copy()
        weight[:, :, len(data.concept_ids) :] = 0
        return replace(fitted, kind=self.name, heads=replace(fitted.heads, weight=weight))
