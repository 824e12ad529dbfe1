"""AUROC of scores for a value of an attribute, class by class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.concept_audit.drawn_auroc import drawn_aurocs
from models.evaluation.intervals import Draws
from models.evaluation.metrics import binary_auroc


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Images with a value and images with another, class by class.

    Attributes:
        positive: `(n,)` images with the value.
        rows: Of each class that has enough of both, its images whose value is known.
    """

    positive: NDArray[np.bool_]
    rows: tuple[NDArray[np.intp], ...]

    @classmethod
    def of(
        cls,
        positive: NDArray[np.bool_],
        known: NDArray[np.bool_],
        classes: NDArray[np.int64],
        *,
        minimum: int,
    ) -> "Strata":
        """Of the images that are `known (n,)`; classes with fewer than `minimum` of either are left out."""
        found = [np.flatnonzero(known & (classes == each)) for each in np.unique(classes)]
        counts = [int(positive[rows].sum()) for rows in found]
        kept = (
            rows for rows, yes in zip(found, counts, strict=True) if minimum <= yes <= len(rows) - minimum
        )
        return cls(positive, tuple(kept))

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Images that are in one of them, `(n,)`."""
        return np.isin(np.arange(len(self.positive)), np.concatenate(self.rows))


def auroc_curves(scores: NDArray[np.floating], strata: Strata, draws: Draws) -> NDArray[np.float64]:
    """Of each column of `scores (n, c)` in each draw, `(c, 1 + replicates)`: mean over the classes."""
    curves = [drawn_aurocs(strata.positive[rows], scores[rows], draws, rows) for rows in strata.rows]
    return np.asarray(np.mean(curves, axis=0), dtype=np.float64)


def mean_auroc(values: NDArray[np.floating], strata: Strata) -> float:
    """Of the sample as it is, mean over the strata; nan where there is none."""
    each = [sample_auroc(strata.positive[rows], values[rows]) for rows in strata.rows]
    return float(np.mean(each)) if each else float("nan")


def sample_auroc(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """AUROC of the sample as it is; nan where one side is missing."""
    if not len(scores):
        return float("nan")
    return float(binary_auroc(positive, scores, np.ones((1, len(scores))))[0])
