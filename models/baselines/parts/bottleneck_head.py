"""What KnoBo and its controls share: heads on concept scores, one a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baselines.interface import Inputs, Progress, TrainingData
from models.bottleneck import KnoBo, fit_knobo
from models.heads.shared import HeadSettings, Sample


@dataclass(frozen=True, slots=True)
class FittedBottlenecks:
    """One head a seed.

    Attributes:
        seeds: `(s,)`.
        heads: `(s,)`.
    """

    seeds: tuple[int, ...]
    heads: tuple[KnoBo, ...]

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:
        """Class probabilities `(s, n, k)`."""
        return np.stack([head.predict(inputs.scores) for head in self.heads])

    def save(self, directory: Path) -> None:
        """Each head in `directory/<seed>`, readable with `KnoBo.load`."""
        for seed, head in zip(self.seeds, self.heads, strict=True):
            head.save(directory / str(seed))


def train_on_scores(
    data: TrainingData,
    *,
    prior: NDArray[np.floating],
    seeds: Sequence[int],
    settings: HeadSettings,
    progress: Progress | None,
) -> FittedBottlenecks:
    """Heads on the concept scores of `data`."""
    heads = fit_knobo(
        Sample(data.train.scores, data.train_labels),
        Sample(data.validation.scores, data.validation_labels),
        classes=data.classes,
        concept_ids=data.concept_ids,
        prior=prior,
        seeds=seeds,
        settings=settings,
    )
    if progress is not None:
        progress(1, 1)
    return FittedBottlenecks(tuple(seeds), heads)
