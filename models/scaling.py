"""How columns are brought to one size before a linear layer sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.row_blocks import row_blocks


class ScalingKind(StrEnum):
    """`CENTER` gives each column mean 0, `STANDARD` deviation 1 as well, `UNIT` gives each row length 1."""

    NONE = "none"
    CENTER = "center"
    STANDARD = "standard"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Scaling:
    """A scaling fitted on one table and applied to others.

    Attributes:
        kind: Which one.
        center, scale: `(d,) float64`; zeros and ones where the kind leaves them alone.
    """

    kind: ScalingKind
    center: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, kind: ScalingKind, values: NDArray[np.floating]) -> Self:
        """From `values (n, d)`, a block of rows at a time; a constant column is centred, else left alone."""
        width = values.shape[1]
        if kind in (ScalingKind.NONE, ScalingKind.UNIT):
            return cls(kind, np.zeros(width), np.ones(width))
        center = sum_over_rows(values, lambda part: part) / len(values)
        if kind is ScalingKind.CENTER:
            return cls(kind, center, np.ones(width))
        spread = np.sqrt(sum_over_rows(values, lambda part: np.square(part - center)) / len(values))
        constant = spread <= 1e-9 * np.maximum(np.abs(center), 1e-300)
        return cls(kind, center, np.where(constant, 1.0, spread))

    def apply(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scaled copy, `(n, d) float64`."""
        wide = values.astype(np.float64)
        if self.kind is ScalingKind.UNIT:
            length = np.linalg.norm(wide, axis=1, keepdims=True)
            return np.asarray(wide / np.where(length > 0, length, 1.0), dtype=np.float64)
        return np.asarray((wide - self.center) / self.scale, dtype=np.float64)


def sum_over_rows(
    values: NDArray[np.floating], function: Callable[[NDArray[np.floating]], NDArray[np.floating]]
) -> NDArray[np.float64]:
    """Sum `(d,)` of a function of `values (n, d)`, in double precision."""
    total = np.zeros(values.shape[1])
    for part in row_blocks(values):
        total += function(part).sum(axis=0, dtype=np.float64)
    return total
