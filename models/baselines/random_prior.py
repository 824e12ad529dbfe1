"""Control: the bottleneck with signs that mean nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.bottleneck_head import FittedBottlenecks, train_on_scores
from models.heads.shared import HeadSettings


@dataclass(frozen=True, slots=True)
class RandomPrior:
    """KnoBo with random signs, others for each seed: what shrinkage does without knowledge."""

    settings: HeadSettings = field(default_factory=HeadSettings)
    name: str = "random_prior"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedBottlenecks:
        """Trains on scores, drawn to signs that mean nothing."""
        signs = np.stack([random_signs(data.prior.shape, seed=seed) for seed in seeds])
        return train_on_scores(data, prior=signs, seeds=seeds, settings=self.settings, progress=progress)


def random_signs(shape: tuple[int, ...], *, seed: int) -> NDArray[np.float32]:
    """-1 or 1 with equal chance."""
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.float32), size=shape)
