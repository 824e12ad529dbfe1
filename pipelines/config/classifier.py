"""From images to classifiers and their numbers."""

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.section import Section

MethodName = Literal[
    "knobo", "linear_probe", "fine_tune", "no_prior", "random_prior", "prior_only", "random_concepts"
]


class EncoderSection(Section):
    """Images to features."""

    weights: str = "efficientnet-lite0"
    """Named weights or a safetensors file."""
    architecture: str = "tf_efficientnet_lite0"
    """Name in timm."""
    features: Literal["grid", "pooled"] = "grid"
    """`grid`: an inner map averaged over cells of the whole image; `pooled`: the network's own last layer."""
    stride: int = 16
    """Of the map, for `grid`."""
    cells: int = 3
    """Along each side, for `grid`."""
    batch: int = 64
    """Images encoded together."""


class GroundingSection(Section):
    """One detector a concept."""

    datasets: tuple[str, ...]
    """Data sets with reports or expert columns; none of their patients is in a split."""
    C: float = 0.001
    """Inverse strength of the penalty on standardised features (1 in the paper, on features of length 1)."""
    folds: int = 5
    """Of the cross-validation."""
    keep: int = 150
    """Keep the best, by the lower end of the AUROC interval."""
    minimum_auroc: float = 0.5
    """And only those whose interval lies above."""


class FitSection(Section):
    """Training of the heads."""

    methods: tuple[MethodName, ...] = (
        "knobo",
        "linear_probe",
        "no_prior",
        "random_prior",
        "prior_only",
        "random_concepts",
    )
    """All but `fine_tune`, which has its own section."""
    seeds: Annotated[int, Field(ge=1)] = 5
    """Models a method and split."""
    prior_weight: float = 30.0
    """Lambda of the prior loss (1 in the paper); docs/method.md says how it was chosen."""
    scores: Literal["center", "none"] = "center"
    """`center`: a concept counts by its distance from the training mean; `none` as in the paper."""
    epochs: int = 200
    """Of Adam."""
    learning_rate: float = 1e-2
    """Of Adam (0.001 in the paper, on sets of thousands of images)."""
    batch: int = 64
    """Of Adam."""


class FineTuneSection(Section):
    """End-to-end training of the default encoder, as a baseline."""

    enabled: bool = True
    """Costs more than everything else together on a CPU."""
    epochs: int = 3
    """The best of them by validation accuracy is kept."""
    seeds: Annotated[int, Field(ge=1)] = 1
    """Models a split."""
    images: int = 300
    """Training images a split, at most."""
    size: int = 224
    """Side of the input in pixels."""


class AuditSection(Section):
    """The numbers."""

    replicates: int = 1000
    """Of the bootstrap."""
