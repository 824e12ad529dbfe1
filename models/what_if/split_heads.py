"""The heads of one split with its images: what edits, ablations and interventions are measured on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.domains import DomainSplit
from models.errors import ModelsError
from models.evaluation.curves import IN_DOMAIN, SHIFTED
from models.evaluation.predictions import Predictions
from models.features.table import FeatureTable


@dataclass(frozen=True, slots=True, eq=False)
class DomainImages:
    """The images of one domain.

    Attributes:
        domain: `in_domain` or `shifted`.
        ids: `(n,)`.
        scores: `(n, c)`.
        labels: `(n,) int64` class numbers.
        units: `(n,)` patients, or images where none is known.
    """

    domain: str
    ids: tuple[str, ...]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SplitHeads:
    """KnoBo as trained on one split.

    Attributes:
        split: The split.
        heads: One a seed.
        scores: Concept probabilities of its images; columns in the order of the heads.
    """

    split: DomainSplit
    heads: tuple[KnoBo, ...]
    scores: FeatureTable

    def __post_init__(self) -> None:
        if any(head.concept_ids != self.scores.columns for head in self.heads):
            raise ModelsError(
                f"the heads of {self.split.name} and the scores have different concepts; fit the heads again"
            )

    @property
    def training_scores(self) -> NDArray[np.float32]:
        """`(n, c)`."""
        return self.scores.rows(self.split.train)

    @property
    def usual(self) -> NDArray[np.float64]:
        """Training mean of each score, `(c,)`."""
        return np.asarray(self.training_scores.mean(axis=0, dtype=np.float64), dtype=np.float64)

    def domains(self) -> Iterator[DomainImages]:
        """Those with images: reported, never trained on."""
        for domain, ids in ((IN_DOMAIN, self.split.in_domain), (SHIFTED, self.split.shifted)):
            if ids:
                yield DomainImages(
                    domain, ids, self.scores.rows(ids), self.split.targets(ids), self.split.units(ids)
                )

    def predictions(self, method: str) -> Predictions:
        """Of the heads on all reported images."""
        ids = (*self.split.in_domain, *self.split.shifted)
        values = self.scores.rows(ids)
        return Predictions(
            method=method,
            split=self.split.name,
            seeds=tuple(range(len(self.heads))),
            ids=ids,
            probabilities=np.stack([head.predict(values) for head in self.heads]),
        )

    def with_heads(self, heads: tuple[KnoBo, ...]) -> "SplitHeads":
        """Other heads on the same images."""
        return replace(self, heads=heads)
