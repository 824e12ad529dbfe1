"""In which order concepts are asked: three policies of one shape.

Shin et al. (ICML 2023) compare such orders. Each is fixed before the first answer, since the head is linear
and an answer changes neither another concept's score nor its contribution.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo


class Policy(Protocol):
    """An order of the concepts of each image."""

    @property
    def name(self) -> str:
        """As it stands in tables."""
        ...

    def priorities(self, head: KnoBo, scores: NDArray[np.floating], *, seed: int) -> NDArray[np.float64]:
        """From `scores (n, c)` to `(r, n, c)`: the highest is asked first, in each of `r` drawings."""
        ...


@dataclass(frozen=True, slots=True)
class Random:
    """An order of its own for each image, drawn several times: what asking without a plan gives."""

    draws: int = 5
    name: str = "random"

    def priorities(self, head: KnoBo, scores: NDArray[np.floating], *, seed: int) -> NDArray[np.float64]:
        """Independent of head and scores."""
        del head
        return np.random.default_rng(seed).random((self.draws, *scores.shape))


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """The score nearest to 0.5 first (UCP of Shin et al.)."""

    name: str = "uncertainty"

    def priorities(self, head: KnoBo, scores: NDArray[np.floating], *, seed: int) -> NDArray[np.float64]:
        """`(1, n, c)`: minus the distance to 0.5."""
        del head, seed
        return np.asarray(-np.abs(scores.astype(np.float64) - 0.5)[None], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ByContribution:
    """The concept that pulls the classes furthest apart first.

    CCTP of Shin et al. adds the sizes of its contributions to all classes; here it is the largest
    contribution minus the smallest, for what is added to all classes alike moves no probability.
    """

    name: str = "contribution"

    def priorities(self, head: KnoBo, scores: NDArray[np.floating], *, seed: int) -> NDArray[np.float64]:
        """`(1, n, c)`: |scaled score| x range of the weights over the classes."""
        del seed
        spread = np.ptp(head.weight.astype(np.float64), axis=0)
        return np.asarray(np.abs(head.scaling.apply(scores)) * spread, dtype=np.float64)[None]


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {each.name: each for each in (Random(), Uncertainty(), ByContribution())}
)
