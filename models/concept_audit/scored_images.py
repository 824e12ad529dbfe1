"""The images of a split with their concept scores and what is known of the concepts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ScoredImages:
    """Images of one split with what is known of them.

    Attributes:
        split: Name of the split.
        concept_ids: `(c,)`.
        scores: `(n, c)` of detectors that have not learnt from these images.
        answers: `(n, c)` probability of yes; nan where unknown.
        labels: `(n,) int64` class numbers.
        units: `(n,)` patients, or images where none is known.
    """

    split: str
    concept_ids: tuple[str, ...]
    scores: NDArray[np.floating]
    answers: NDArray[np.floating]
    labels: NDArray[np.int64]
    units: tuple[str, ...]
