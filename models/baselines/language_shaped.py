"""Baseline: features shaped by language, then a linear probe."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import ConceptExamples, Inputs, Progress, TrainingData
from models.baselines.parts.language_projection import Projections, ProjectionSettings, learn_projections
from models.baselines.parts.weighted_heads import EqualWeights, Training, head_logits, train_weighted_heads
from models.heads.shared import Heads, HeadSettings, Sample
from models.scaling import Scaling, ScalingKind


@dataclass(frozen=True, slots=True)
class FittedLanguageShaped:
    """A projection and a probe a seed.

    Attributes:
        classes: `(k,)`.
        seeds: `(s,)`.
        projections: To the text space.
        probes: `(s,)` linear layers in the text space.
        scaling: Of the projected features, `(s, 1, t)`: each seed has its own.
        method: How they were trained.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    projections: Projections
    probes: Heads
    scaling: Scaling
    method: "LanguageShaped"

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        placed = self.scaling.apply(self.projections.apply(inputs.features))
        return np.asarray(softmax(head_logits(self.probes, placed), axis=2))

    def save(self, directory: Path) -> None:
        """Projection and probe of each seed in `directory/<seed>`."""
        for row, seed in enumerate(self.seeds):
            tensors = {
                "projection": self.projections.weight[row],
                "center": self.projections.scaling.center,
                "scale": self.projections.scaling.scale,
                "weight": self.probes.weight[row],
                "bias": self.probes.bias[row],
                "probe_center": self.scaling.center[row, 0],
                "probe_scale": self.scaling.scale[row, 0],
            }
            about = {
                "classes": self.classes,
                "seed": seed,
                "projection_epoch": self.projections.epoch[row],
                "projection_loss": self.projections.held_out_loss[row],
                "epoch": int(self.probes.epoch[row]),
                "validation_accuracy": float(self.probes.validation_accuracy[row]),
                "scaling": self.scaling.kind,
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
        settings: Of the probe, on standardised columns.
        penalty: Of the probe: `penalty / 2 x |W|^2`.
        name: In the audit.
    """

    examples: ConceptExamples
    text: NDArray[np.float32]
    projection: ProjectionSettings = field(default_factory=ProjectionSettings)
    settings: HeadSettings = field(default_factory=HeadSettings)
    penalty: float = 0.0
    name: str = "language_shaped"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedLanguageShaped:
        """Learns the projections unless they are known, then a probe on each, like the one on features."""
        projections = learn_projections(
            self.examples, self.text, seeds=tuple(seeds), settings=self.projection
        )
        train, validation = (projections.apply(each.features) for each in (data.train, data.validation))
        scaling = standardise_each(train)
        probes = train_weighted_heads(
            Sample(scaling.apply(train), data.train_labels),
            Sample(scaling.apply(validation), data.validation_labels),
            classes=len(data.classes),
            seeds=seeds,
            training=Training(self.settings, self.penalty),
            weighting=EqualWeights(),
        )
        if progress is not None:
            progress(1, 1)
        return FittedLanguageShaped(data.classes, tuple(seeds), projections, probes, scaling, self)


def standardise_each(tables: NDArray[np.float32]) -> Scaling:
    """For `tables (s, n, t)`, each by itself: center and scale are `(s, 1, t)`."""
    alone = [Scaling.fit(ScalingKind.STANDARD, table) for table in tables]
    return Scaling(
        kind=ScalingKind.STANDARD,
        center=np.stack([each.center for each in alone])[:, None],
        scale=np.stack([each.scale for each in alone])[:, None],
    )
