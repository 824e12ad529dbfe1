"""Baseline: a linear layer on the encoder's features, trained like the bottleneck's head."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.feature_heads import FittedFeatureHeads, scale_features
from models.baselines.parts.weighted_heads import PENALTY, EqualWeights, Training, train_weighted_heads
from models.heads.shared import HeadSettings
from models.scaling import ScalingKind


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """The paper's linear probe, with an l2 penalty so that it has as much to tune as the bottleneck.

    Attributes:
        settings: Of the training; on standardised features 200 epochs at 1e-3 suffice to fit it well.
        scaling: Of the features.
        penalty: Weight of the squared norm of the layer; the paper has none.
        name: In the audit.
    """

    settings: HeadSettings = field(default_factory=HeadSettings)
    scaling: ScalingKind = ScalingKind.STANDARD
    penalty: float = PENALTY
    name: str = "linear_probe"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedFeatureHeads:
        """Trains on the features."""
        features = scale_features(data, self.scaling)
        training = Training(self.settings, self.penalty)
        heads = train_weighted_heads(
            features.train,
            features.validation,
            classes=len(data.classes),
            seeds=seeds,
            training=training,
            weighting=EqualWeights(),
        )
        if progress is not None:
            progress(1, 1)
        about = {"training": asdict(training)}
        return FittedFeatureHeads(self.name, data.classes, tuple(seeds), heads, features.scaling, about)
