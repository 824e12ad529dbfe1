"""Ablation: KnoBo with cosines of image and text in place of grounders."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifacts import Artifact, save_artifact
from models.baselines.interface import Inputs, Progress, TrainingData
from models.baselines.parts.concept_scores import ConceptVectors
from models.bottleneck import KnoBo, fit_knobo
from models.heads.shared import HeadSettings, Sample


@dataclass(frozen=True, slots=True)
class FittedDotProduct:
    """One head a seed on shared cosines."""

    seeds: tuple[int, ...]
    source: ConceptVectors
    heads: tuple[KnoBo, ...]

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        scores = self.source.scores(inputs)
        return np.stack([head.predict(scores) for head in self.heads])

    def save(self, directory: Path) -> None:
        """Each head in `directory/<seed>`, the vectors of the questions in `directory/<seed>/vectors`."""
        for seed, head in zip(self.seeds, self.heads, strict=True):
            head.save(directory / str(seed))
            about = {"concept_ids": head.concept_ids, **self.source.about()}
            vectors = Artifact(self.source.tensors(), about)
            save_artifact(directory / str(seed) / "vectors", vectors, kind="concept_vectors")


@dataclass(frozen=True, slots=True)
class DotProduct:
    """KnoBo's ablation without grounders (table 5): the same head and prior on image-text dot products.

    Attributes:
        source: Vectors of the questions in the space of the images.
        settings: Of the head.
        name: In the audit.
    """

    source: ConceptVectors
    settings: HeadSettings = field(default_factory=HeadSettings)
    name: str = "dot_product"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedDotProduct:
        """Trains heads on the cosines, drawn to the prior."""
        heads = fit_knobo(
            Sample(self.source.scores(data.train), data.train_labels),
            Sample(self.source.scores(data.validation), data.validation_labels),
            classes=data.classes,
            concept_ids=data.concept_ids,
            prior=data.prior,
            seeds=seeds,
            settings=self.settings,
        )
        if progress is not None:
            progress(1, 1)
        return FittedDotProduct(tuple(seeds), self.source, heads)
