"""Which concepts speak for which class: the parameter prior of KnoBo (paper, section 3.3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Prior:
    """Signs by class and concept.

    Attributes:
        classes: `(k,)`.
        concept_ids: `(c,)`.
        sign: `(k, c) float32` in [-1, 1]; 0 abstains.
        agreement: `(k, c) float32` in [0, 1], the share of votes for the sign given; 0.5 where it is assumed.
        source: `(k, c)` of `corpus`, `assumed` (no clause voted: literature describes signs of disease),
            `language_model`, `expert`, `imported` or `none`.
        votes: `(k, c) int32`, clauses or answers of a model counted, also where the cell abstains; none where
            they are not known, as in a table of an earlier version.
    """

    classes: tuple[str, ...]
    concept_ids: tuple[str, ...]
    sign: NDArray[np.float32]
    agreement: NDArray[np.float32]
    source: tuple[tuple[str, ...], ...]
    votes: NDArray[np.int32] | None = None
