"""Control: the signs of the prior as weights, without training."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.bottleneck_head import FittedBottlenecks
from models.bottleneck import KnoBo, scale_scores
from models.heads.shared import HeadSettings


@dataclass(frozen=True, slots=True)
class PriorOnly:
    """W = prior, no training: what knowledge does without labels. All seeds are the same."""

    settings: HeadSettings = field(default_factory=HeadSettings)
    name: str = "prior_only"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedBottlenecks:
        """Takes the prior as weights."""
        head = KnoBo(
            classes=data.classes,
            concept_ids=data.concept_ids,
            weight=data.prior.astype(np.float32),
            prior=data.prior.astype(np.float32),
            scaling=scale_scores(data.train.scores, settings=self.settings),
        )
        if progress is not None:
            progress(1, 1)
        return FittedBottlenecks(tuple(seeds), (head,) * len(seeds))
