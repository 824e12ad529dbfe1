"""The inputs that many logistic regressions share, as the search wants them."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.logistic.preconditioner import Preconditioners

ROWS_PER_COLUMN = 3  # more rows than that say little more about the second moments


@dataclass(frozen=True, slots=True)
class Design:
    """Inputs, centred (which only moves the bias), with a column of ones for the bias.

    Attributes:
        given: `(n, d)` the inputs as they came.
        single: `(n, d + 1) float32` centred inputs, the last column is 1.
        center: `(d,) float64` what was taken off.
        shared: From the second moments of the columns.
        size: Mean absolute value of the largest column.
    """

    given: NDArray[np.floating]
    single: Tensor
    center: NDArray[np.float64]
    shared: Preconditioners
    size: float

    @classmethod
    def of(cls, inputs: NDArray[np.floating], *, device: str = "cpu") -> Self:
        """From `inputs (n, d)`."""
        center = inputs.mean(axis=0, dtype=np.float64)
        single = centred(inputs, center, dtype=torch.float32, device=device)
        sample = single[:: max(1, len(single) // (ROWS_PER_COLUMN * single.shape[1]))]
        moments = sample.T @ sample / len(sample)
        return cls(
            inputs, single, center, Preconditioners(moments), float(single[:, :-1].abs().mean(dim=0).max())
        )

    def double(self) -> Tensor:
        """`single` in float64, made anew."""
        return centred(self.given, self.center, dtype=torch.float64, device=self.single.device)

    def uncentred(self, place: Tensor) -> NDArray[np.float64]:
        """Coefficients `(p, d + 1)` for the inputs as they were given."""
        result = place.double().cpu().numpy()
        result[:, -1] -= result[:, :-1] @ self.center
        return np.asarray(result)

    def recentred(self, place: NDArray[np.floating]) -> Tensor:
        """The way back, in float64."""
        result = place.astype(np.float64)
        result[:, -1] += result[:, :-1] @ self.center
        return torch.as_tensor(result, device=self.single.device)


def centred(
    inputs: NDArray[np.floating],
    center: NDArray[np.float64],
    *,
    dtype: torch.dtype,
    device: str | torch.device,
) -> Tensor:
    """`(n, d + 1)`: inputs less their centre, and ones."""
    result = torch.ones(len(inputs), inputs.shape[1] + 1, dtype=dtype, device=device)
    if inputs.dtype == np.float32 and dtype is torch.float32 and inputs.flags.writeable:
        result[:, :-1] = torch.as_tensor(inputs, device=device)
        result[:, :-1] -= torch.as_tensor(center, dtype=dtype, device=device)
    else:
        result[:, :-1] = torch.as_tensor(inputs - center, device=device)
    return result
