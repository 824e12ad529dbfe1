"""Control: the bottleneck without a parameter prior."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.bottleneck_head import FittedBottlenecks, train_on_scores
from models.heads.shared import HeadSettings


@dataclass(frozen=True, slots=True)
class NoPrior:
    """KnoBo with a prior of strength 0: what grounding does by itself."""

    settings: HeadSettings = field(default_factory=HeadSettings)
    name: str = "no_prior"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedBottlenecks:
        """Trains on scores alone."""
        settings = replace(self.settings, strength=0.0)
        return train_on_scores(data, prior=data.prior, seeds=seeds, settings=settings, progress=progress)
