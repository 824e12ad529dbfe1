"""Baseline: features shaped by language, then a linear probe."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import ConceptExamples, Inputs, Progress, TrainingData
from models.baselines.language_projection import Projections, ProjectionSettings, learn_projections
from models.baselines.weighted_heads import EqualWeights, Training, head_logits, train_weighted_heads
from models.heads import Heads, HeadSettings, Sample
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class Shaped:
    """A linear probe in the text space, for one seed.

    Attributes:
        scaling: Of the projected features.
        heads: One.
    """

    scaling: Scaling
    heads: Heads


@dataclass(frozen=True, slots=True)
class FittedLanguageShaped:
    """A projection and a probe a seed.

    Attributes:
        classes: `(k,)`.
        seeds: `(s,)`.
        projections: To the text space.
        probes: `(s,)`.
        method: How they were trained.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    projections: Projections
    probes: tuple[Shaped, ...]
    method: "LanguageShaped"

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        placed = self.projections.apply(inputs.features)
        logits = [
            head_logits(probe.heads, probe.scaling.apply(each))[0]
            for probe, each in zip(self.probes, placed, strict=True)
        ]
        return np.asarray(softmax(np.stack(logits), axis=2))

    def save(self, directory: Path) -> None:
        """Projection and probe of each seed in `directory/<seed>`."""
        for row, (seed, probe) in enumerate(zip(self.seeds, self.probes, strict=True)):
            tensors = {
                "projection": self.projections.weight[row],
                "center": self.projections.scaling.center,
                "scale": self.projections.scaling.scale,
                "weight": probe.heads.weight[0],
                "bias": probe.heads.bias[0],
                "probe_center": probe.scaling.center,
                "probe_scale": probe.scaling.scale,
            }
            about = {
                "classes": self.classes,
                "seed": seed,
                "projection_epoch": self.projections.epoch[row],
                "projection_loss": self.projections.held_out_loss[row],
                "epoch": int(probe.heads.epoch[0]),
                "validation_accuracy": float(probe.heads.validation_accuracy[0]),
                "scaling": probe.scaling.kind,
                "settings": asdict(self.method.settings),
                "projection": asdict(self.method.projection),
            }
            save_artifact(directory / str(seed), Artifact(tensors, about), kind="language_shaped")


@dataclass(frozen=True, slots=True, eq=False)
class LanguageShaped:
    """Language-shaped learning (Mu, Liang and Goodman 2020, in KnoBo's form) on frozen features.

    Attributes:
        examples: Images with concept answers.
        text: `(c, t)` vectors of the questions.
        projection: Learning of the map to the text space, once for all splits.
        settings: Of the probe.
        scaling: Of the projected features.
        penalty: Of the probe: `penalty / 2 x |W|^2`.
        name: In the audit.
    """

    examples: ConceptExamples
    text: NDArray[np.float32]
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    settings: HeadSettings = field(default_factory=HeadSettings)
    scaling: ScalingKind = ScalingKind.STANDARD
    penalty: float = 0.0
    name: str = "language_shaped"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedLanguageShaped:
        """Learns the projections unless they are known, then a probe on each."""
        projections = learn_projections(
            self.examples, self.text, seeds=tuple(seeds), settings=self.projection
        )
        placed = zip(
            projections.apply(data.train.features), projections.apply(data.validation.features), strict=True
        )
        probes = []
        for seed, (train, validation) in zip(seeds, placed, strict=True):
            probes.append(self.probe(data, train, validation, seed=seed))
            if progress is not None:
                progress(len(probes), len(seeds))
        return FittedLanguageShaped(data.classes, tuple(seeds), projections, tuple(probes), self)

    def probe(
        self,
        data: TrainingData,
        train: NDArray[np.float32],
        validation: NDArray[np.float32],
        *,
        seed: int,
    ) -> Shaped:
        """A linear probe on projected features `(n, t)`, like the one on features."""
        scaling = Scaling.fit(self.scaling, train)
        heads = train_weighted_heads(
            Sample(scaling.apply(train), data.train_labels),
            Sample(scaling.apply(validation), data.validation_labels),
            classes=len(data.classes),
            seeds=(seed,),
            training=Training(self.settings, self.penalty),
            weighting=EqualWeights(),
        )
        return Shaped(scaling, heads)
