"""Baseline: a post-hoc concept bottleneck on concept activation vectors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.baselines.parts.concept_scores import ConceptScores
from models.baselines.parts.sparse_head import SparseHeads, SparseSettings, train_sparse_heads
from models.heads.shared import Sample


@dataclass(frozen=True, slots=True)
class FittedPcbm:
    """One head a seed on shared concept scores.

    Attributes:
        classes: `(k,)`.
        concept_ids: `(c,)`.
        seeds: `(s,)`.
        source: Of the scores.
        heads: On them.
        settings: Of the heads.
    """

    classes: tuple[str, ...]
    concept_ids: tuple[str, ...]
    seeds: tuple[int, ...]
    source: ConceptScores
    heads: SparseHeads
    settings: SparseSettings

    def logits(self, inputs: Inputs) -> NDArray[np.float64]:
        """`(s, n, k)`."""
        return self.heads.logits(self.source.scores(inputs))

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        return np.asarray(softmax(self.logits(inputs), axis=2))

    def save(self, directory: Path, part: str = "") -> None:
        """Each head in `directory/<seed>/<part>`, with the concept vectors it reads."""
        for row, seed in enumerate(self.seeds):
            tensors = {
                **self.source.tensors(),
                "weight": self.heads.weight[row],
                "bias": self.heads.bias[row],
            }
            about = {
                "classes": self.classes,
                "concept_ids": self.concept_ids,
                "seed": seed,
                "penalty": float(self.heads.penalty[row]),
                "validation_accuracy": float(self.heads.validation_accuracy[row]),
                **self.source.about(),
                "settings": asdict(self.settings),
            }
            save_artifact(directory / str(seed) / part, Artifact(tensors, about), kind="pcbm")


@dataclass(frozen=True, slots=True)
class Pcbm:
    """PCBM (Yuksekgonul, Wang and Zou 2023, section 2): an interpretable head on concept scores.

    Attributes:
        source: Of the scores.
        settings: Of the head.
        name: In the audit.
    """

    source: ConceptScores
    settings: SparseSettings = field(default_factory=SparseSettings)
    name: str = "pcbm"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedPcbm:
        """Trains a head on the scores."""
        heads = train_sparse_heads(
            Sample(self.source.scores(data.train), data.train_labels),
            Sample(self.source.scores(data.validation), data.validation_labels),
            classes=len(data.classes),
            seeds=tuple(seeds),
            settings=self.settings,
        )
        if progress is not None:
            progress(1, 1)
        return FittedPcbm(data.classes, data.concept_ids, tuple(seeds), self.source, heads, self.settings)
