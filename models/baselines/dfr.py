"""Oracle: a sparse linear layer refitted on images in which class and attribute are balanced."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.baselines.interface import GroupedImages, Progress, TrainingData
from models.baselines.parts.feature_heads import FittedFeatureHeads
from models.errors import ModelsError
from models.heads.shared import Heads, Sample
from models.scaling import Scaling, ScalingKind

MINIMUM = 4  # images a group: two in either half


@dataclass(frozen=True, slots=True)
class DfrSettings:
    """Of the method; the defaults are the paper's.

    Attributes:
        grid: Inverse strengths of the l1 penalty (C) to choose from.
        resamples: Balanced draws whose coefficients are averaged.
    """

    grid: tuple[float, ...] = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)
    resamples: int = 10


@dataclass(frozen=True, slots=True)
class Dfr:
    """Deep feature reweighting (Kirichenko et al. 2023) on the encoder's features.

    It is told, by `TrainingData.oracle`, of images that no other method may learn from: a confounded split
    has no training image that goes against its shortcut. Its row in an audit is a reference, not a rival.

    Attributes:
        settings: Of the method.
        name: In the audit.
    """

    settings: DfrSettings = field(default_factory=DfrSettings)
    name: str = "dfr"

    def fit(
        self, data: TrainingData, *, seeds: Sequence[int], progress: Progress | None = None
    ) -> FittedFeatureHeads:
        """Fits on the oracle's images; their features are scaled as the training images are.

        Raises:
            ModelsError: No oracle, or too few images of a group.
        """
        oracle = require_oracle(data)
        scaling = Scaling.fit(ScalingKind.STANDARD, data.train.features)
        values = scaling.apply(oracle.inputs.features)
        layers = []
        for done, seed in enumerate(seeds, start=1):
            layers.append(
                fit_layer(values, oracle, classes=len(data.classes), seed=seed, settings=self.settings)
            )
            if progress is not None:
                progress(done, len(seeds))
        about = {
            "settings": asdict(self.settings),
            "oracle": oracle.source,
            "oracle_images": len(oracle.labels),
            "C": [layer.strength for layer in layers],
            "worst_group_accuracy_among_told": [layer.accuracy for layer in layers],
        }
        validation = scaling.apply(data.validation.features)
        heads = stacked(layers, Sample(validation, data.validation_labels))
        return FittedFeatureHeads(self.name, data.classes, tuple(seeds), heads, scaling, about)


@dataclass(frozen=True, slots=True)
class Layer:
    """One fitted layer.

    Attributes:
        weight: `(k, d)`.
        bias: `(k,)`.
        strength: C that was chosen.
        accuracy: Of the worst group in the half of the oracle's images that chose it.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    strength: float
    accuracy: float


def require_oracle(data: TrainingData) -> GroupedImages:
    """The oracle's images, or a ModelsError."""
    if data.oracle is None:
        raise ModelsError(
            "dfr is an oracle that learns from images with the shortcut broken and none were given; "
            "give it some that are not reported, or leave it out"
        )
    names, counts = np.unique(data.oracle.groups, return_counts=True)
    if len(names) < 2 or counts.min() < MINIMUM:
        raise ModelsError(
            f"dfr draws equally many images of each group and the smallest of {len(names)} groups among "
            f"{data.oracle.source} has {counts.min()}; give it at least {MINIMUM} of each of two or more"
        )
    return data.oracle


def fit_layer(
    values: NDArray[np.float64], oracle: GroupedImages, *, classes: int, seed: int, settings: DfrSettings
) -> Layer:
    """Chooses C on half of the images by the other half's worst group, then averages resamples of all."""
    generator = np.random.default_rng(seed)
    first, second = halves(oracle.groups, generator=generator)
    rows = first[balanced(oracle.groups[first], generator=generator)]
    tried = []
    for strength in settings.grid:
        weight, bias = fit_sparse(values[rows], oracle.labels[rows], classes=classes, strength=strength)
        right = (values[second] @ weight.T + bias).argmax(axis=1) == oracle.labels[second]
        tried.append((worst_group(right, oracle.groups[second]), strength))
    accuracy, chosen = max(tried, key=lambda each: each[0])  # the weakest penalty among equals
    draws = [balanced(oracle.groups, generator=generator) for _ in range(settings.resamples)]
    fits = [fit_sparse(values[d], oracle.labels[d], classes=classes, strength=chosen) for d in draws]
    return Layer(
        weight=np.mean([weight for weight, _ in fits], axis=0),
        bias=np.mean([bias for _, bias in fits], axis=0),
        strength=chosen,
        accuracy=accuracy,
    )


def halves(
    groups: NDArray[np.int64], *, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of two halves, each with half of every group."""
    parts = [generator.permutation(np.flatnonzero(groups == name)) for name in np.unique(groups)]
    first = np.concatenate([part[: len(part) // 2] for part in parts])
    return first, np.concatenate([part[len(part) // 2 :] for part in parts])


def balanced(groups: NDArray[np.int64], *, generator: np.random.Generator) -> NDArray[np.int64]:
    """Rows with as many of each group as the smallest has, none twice."""
    names, counts = np.unique(groups, return_counts=True)
    least = counts.min()
    drawn = [generator.permutation(np.flatnonzero(groups == name))[:least] for name in names]
    return np.concatenate(drawn)


def worst_group(right: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    """Lowest accuracy of a group."""
    return min(float(right[groups == name].mean()) for name in np.unique(groups))


def fit_sparse(
    values: NDArray[np.float64], labels: NDArray[np.int64], *, classes: int, strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights `(k, d)` and biases `(k,)` by liblinear's l1 solver, one class against the rest beyond two."""
    targets = [1] if classes == 2 else list(range(classes))
    weights, biases = [], []
    for target in targets:
        model = LogisticRegression(l1_ratio=1.0, C=strength, solver="liblinear", random_state=0)
        model.fit(values, labels == target)
        weights.append(model.coef_[0])
        biases.append(model.intercept_[0])
    weight, bias = np.stack(weights), np.array(biases)
    if classes == 2:  # the two logits differ by the one that was fitted
        return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias


def stacked(layers: Sequence[Layer], validation: Sample) -> Heads:
    """One head a layer, measured on the validation images, which selected nothing."""
    shown = [(validation.inputs @ each.weight.T + each.bias).argmax(axis=1) for each in layers]
    return Heads(
        weight=np.stack([layer.weight for layer in layers]).astype(np.float32),
        bias=np.stack([layer.bias for layer in layers]).astype(np.float32),
        epoch=np.zeros(len(layers), dtype=np.int64),
        validation_accuracy=(np.stack(shown) == validation.labels).mean(axis=1),
    )
