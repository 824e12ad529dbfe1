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

    Groups are those of `TrainingData.train_groups`, else the classes. A confounded split has training images
    of one attribute value a class, so its groups are its classes whatever is known of the attribute: the
    method cannot see the shortcut there, and is class-DRO.

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
        groups = data.train_labels if data.train_groups is None else data.train_groups
        training = Training(self.training, self.settings.penalty)
        heads = train_weighted_heads(
            features.train,
            features.validation,
            classes=len(data.classes),
            seeds=seeds,
            training=training,
            weighting=GroupWeights(groups, heads=len(seeds), step=self.settings.step),
        )
        if progress is not None:
            progress(1, 1)
        about = {"training": asdict(training), "settings": asdict(self.settings)}
        return FittedFeatureHeads(self.name, data.classes, tuple(seeds), heads, features.scaling, about)


class GroupWeights:
    """Exponentiated gradient ascent on the weights of groups, one set of weights a head.

    Attributes:
        members: `(n, g)` which group a row belongs to, as zeros and ones.
        shares: `(h, g)` weight of each group; they add up to 1.
        step: Eta.
    """

    def __init__(self, groups: NDArray[np.int64], *, heads: int, step: float) -> None:
        numbers = np.unique(groups, return_inverse=True)[1]
        self.members = functional.one_hot(torch.from_numpy(numbers)).float()
        width = self.members.shape[1]
        self.shares = torch.full((heads, width), 1 / width)
        self.step = step

    def weights(self, losses: Tensor, rows: Tensor) -> Tensor:
        """Each group's share, divided among its rows in the mini-batch; the shares move first."""
        members = self.members[rows]  # (h, b, g)
        counts = members.sum(dim=1).clamp(min=1)
        means = torch.einsum("hb,hbg->hg", losses, members) / counts
        grown = self.shares * torch.exp(self.step * means)
        self.shares = grown / grown.sum(dim=1, keepdim=True)
        return torch.einsum("hbg,hg->hb", members, self.shares / counts)
