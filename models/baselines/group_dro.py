"""Baseline: a linear layer on the encoder's features that minimises the loss of its worst group."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.baselines.interface import Progress, TrainingData
from models.baselines.parts.feature_heads import FittedFeatureHeads, scale_features
from models.baselines.parts.weighted_heads import PENALTY, Training, train_weighted_heads
from models.heads.shared import HeadSettings
from models.scaling import ScalingKind


@dataclass(frozen=True, slots=True)
class GroupDroSettings:
    """Of the method, beside those of the training.

    Attributes:
        step: Eta, how fast a group's weight grows with its loss; 0.01 in the paper.
        penalty: Of the l2 norm, that of the linear probe; the paper's point is that the method needs one.
    """

    step: float = 0.1
    penalty: float = PENALTY


@dataclass(frozen=True, slots=True)
class GroupDro:
    """Sagawa et al. 2020, algorithm 1, on frozen features and without their adjustment for group sizes.

    Groups are the classes. A confounded split has training images of one attribute value a class, so there
    are no others: the method cannot see the shortcut and is class-DRO. A plain split declares no attribute.

    Attributes:
        training: Of the layer.
        settings: Of the method.
        scaling: Of the features.
        name: In the audit.
    """

    training: HeadSettings = field(default_factory=HeadSettings)
    settings: GroupDroSettings = field(default_factory=GroupDroSettings)
    scaling: ScalingKind = ScalingKind.STANDARD
    name: str = "group_dro"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedFeatureHeads:
        """Trains on the features."""
        features = scale_features(data, self.scaling)
        training = Training(self.training, self.settings.penalty)
        heads = train_weighted_heads(
            features.train,
            features.validation,
            classes=len(data.classes),
            seeds=seeds,
            training=training,
            weighting=GroupWeights(data.train_labels, heads=len(seeds), step=self.settings.step),
        )
        if progress is not None:
            progress(1, 1)
        about = {"training": asdict(training), "settings": asdict(self.settings)}
        return FittedFeatureHeads(self.name, data.classes, tuple(seeds), heads, features.scaling, about)


class GroupWeights:
    """Exponentiated gradient ascent on the weights of groups, one set of weights a head.

    Attributes:
        members: `(n, g)` which group a row belongs to, as zeros and ones.
        logs: `(h, g)` logarithm of each group's weight, for fast steps would overflow; weights add up to 1.
        step: Eta.
    """

    def __init__(self, groups: NDArray[np.int64], *, heads: int, step: float) -> None:
        numbers = np.unique(groups, return_inverse=True)[1]
        self.members = functional.one_hot(torch.from_numpy(numbers)).float()
        width = self.members.shape[1]
        self.logs = torch.zeros(heads, width).log_softmax(dim=1)
        self.step = step

    def weights(self, losses: Tensor, rows: Tensor) -> Tensor:
        """Each group's share, divided among its rows in the mini-batch; the shares move first."""
        members = self.members[rows]  # (h, b, g)
        counts = members.sum(dim=1).clamp(min=1)
        means = torch.einsum("hb,hbg->hg", losses, members) / counts
        self.logs = (self.logs + self.step * means).log_softmax(dim=1)
        return torch.einsum("hbg,hg->hb", members, self.logs.exp() / counts)
