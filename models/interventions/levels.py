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
    learnt on that range gives a 1.0 more say than any image ever had. So an answer becomes by default what
    the detector says where it is all but surest of it, the 95th or 5th percentile of its training scores
    (Koh et al., ICML 2020, set logits so). `hard` is the alternative: 1 and 0, what the score means.

    Attributes:
        no, yes: `(c,) float64`.
    """

    no: NDArray[np.float64]
    yes: NDArray[np.float64]

    @classmethod
    def quantiles(cls, scores: NDArray[np.floating], *, high: float = HIGH) -> Self:
        """Of the training scores `(n, c)`: a yes at `high`, a no at `1 - high`."""
        no, yes = np.quantile(scores.astype(np.float64), (1 - high, high), axis=0)
        return cls(no, yes)

    @classmethod
    def hard(cls, concepts: int) -> Self:
        """1 and 0 for each of the concepts."""
        return cls(np.zeros(concepts), np.ones(concepts))

    def values(self, answers: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores `(n, c)` of answers `(n, c)` given as probabilities of yes; nan where an answer is."""
        scores = np.where(answers >= 0.5, self.yes, self.no)
        return np.where(np.isnan(answers), np.nan, scores)
