"""How columns are brought to one size before a linear layer sees them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray


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
        """From `values (n, d)`; a constant column is centred and otherwise left alone."""
        width = values.shape[1]
        if kind in (ScalingKind.NONE, ScalingKind.UNIT):
            return cls(kind, np.zeros(width), np.ones(width))
        center = values.mean(axis=0, dtype=np.float64)
        if kind is ScalingKind.CENTER:
            return cls(kind, center, np.ones(width))
        spread = values.std(axis=0, dtype=np.float64)
        constant = spread <= 1e-9 * np.maximum(np.abs(center), 1e-300)
        return cls(kind, center, np.where(constant, 1.0, spread))

    def apply(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scaled copy, `(n, d) float64`."""
        wide = values.astype(np.float64)
        if self.kind is ScalingKind.UNIT:
            length = np.linalg.norm(wide, axis=1, keepdims=True)
            return np.asarray(wide / np.where(length > 0, length, 1.0), dtype=np.float64)
        return np.asarray((wide - self.center) / self.scale, dtype=np.float64)
