"""KnoBo itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.bottleneck_head import FittedBottlenecks, train_on_scores
from models.heads.shared import HeadSettings


@dataclass(frozen=True, slots=True)
class Knobo:
    """A bottleneck head drawn to the signs of the literature."""

    settings: HeadSettings = field(default_factory=HeadSettings)
    name: str = "knobo"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedBottlenecks:
        """Trains on scores, drawn to the prior."""
        return train_on_scores(data, prior=data.prior, seeds=seeds, settings=self.settings, progress=progress)
