"""Which score stands for a yes and which for a no, when a person or a report answers for a detector."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

HIGH = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Scores that answers are translated to.

    A head is trained on soft scores: the detector of a rare sign may never say more than 0.4, and a weight
    learnt on that range gives a 1.0 more say than any image ever had. Of the three translations, `matched`
    changes the distribution of the scores least, `quantiles` is that of the literature, and `hard` is what a
    score means. Most signs are absent in most images, so what a no stands for decides: a no far below the
    usual score, given to dozens of signs that are seldom there, outweighs the one that is.

    Attributes:
        no, yes: `(c,) float64`.
    """

    no: NDArray[np.float64]
    yes: NDArray[np.float64]

    @classmethod
    def matched(cls, scores: NDArray[np.floating], *, share: NDArray[np.floating]) -> Self:
        """What a detector without error would say if its scores kept their distribution.

        It would place the images that have the sign above all others: a yes is the median of that upper
        part of the training scores, a no the median of the rest.

        Args:
            scores: `(n, c)` of the training images.
            share: `(c,)` of the annotated images whose answer is yes.
        """
        return cls(at_quantiles(scores, (1 - share) / 2), at_quantiles(scores, 1 - share / 2))

    @classmethod
    def quantiles(cls, scores: NDArray[np.floating], *, high: float = HIGH) -> Self:
        """A yes at `high`, a no at `1 - high` of the training scores `(n, c)` (Koh et al., ICML 2020)."""
        concepts = scores.shape[1]
        low, top = (np.full(concepts, level) for level in (1 - high, high))
        return cls(at_quantiles(scores, low), at_quantiles(scores, top))

    @classmethod
    def hard(cls, concepts: int) -> Self:
        """1 and 0 for each of the concepts."""
        return cls(np.zeros(concepts), np.ones(concepts))

    def values(self, answers: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores `(n, c)` of answers `(n, c)` given as probabilities of yes; nan where an answer is."""
        scores = np.where(answers >= 0.5, self.yes, self.no)
        return np.where(np.isnan(answers), np.nan, scores)


def at_quantiles(scores: NDArray[np.floating], levels: NDArray[np.floating]) -> NDArray[np.float64]:
    """One quantile of each column of `scores (n, c)`, `(c,)`."""
    columns = scores.astype(np.float64).T
    return np.array([np.quantile(column, level) for column, level in zip(columns, levels, strict=True)])
