"""The inputs that many logistic regressions share, as the search wants them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.logistic.preconditioner import Preconditioners

CACHED = 2**17  # numbers of a block that stays in the cache while it is scaled
ROWS_PER_COLUMN = 3  # more rows than that say little more about the second moments

Scale = Callable[[NDArray[np.floating]], NDArray[np.floating]]


def unscaled(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """As they are."""
    return values


@dataclass(frozen=True, slots=True)
class Design:
    """Inputs, centred (which only moves the bias), with a column of ones for the bias.

    Attributes:
        given: `(n, d)` the inputs as they came; they may lie on disk.
        scale: From rows of `given` to rows of inputs.
        single: `(n, d + 1) float32` centred inputs, the last column is 1.
        center: `(d,) float64` what was taken off.
        shared: From the second moments of the columns.
        size: Mean absolute value of the largest column.
    """

    given: NDArray[np.floating]
    scale: Scale
    single: Tensor
    center: NDArray[np.float64]
    shared: Preconditioners
    size: float

    @classmethod
    def of(
        cls, given: NDArray[np.floating], *, scale: Scale = unscaled, device: str | torch.device = "cpu"
    ) -> Self:
        """From `given (n, d)`, read a block of rows at a time."""
        near = scale(given[: rows_at_once(given)]).mean(axis=0, dtype=np.float64)
        single = centred(given, scale, near, dtype=torch.float32, device=device)
        rest = single[:, :-1].mean(dim=0)  # small, so that float32 loses nothing
        single[:, :-1] -= rest
        center = near + rest.cpu().numpy()
        sample = single[:: max(1, len(single) // (ROWS_PER_COLUMN * single.shape[1]))]
        shared = Preconditioners(second_moments(sample))
        size = float(torch.linalg.vector_norm(single[:, :-1], ord=1, dim=0).max()) / len(single)
        return cls(given, scale, single, center, shared, size)

    def double(self) -> Tensor:
        """`single` in float64, made anew."""
        device = self.single.device
        return centred(self.given, self.scale, self.center, dtype=torch.float64, device=device)

    def logits(self, place: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Of coefficients `(p, d + 1)` at some of the rows, `(p, len(rows))`."""
        picked = self.single[torch.as_tensor(rows, device=self.single.device)]
        return np.asarray((self.recentred(place).float() @ picked.T).double().cpu().numpy())

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


def rows_at_once(given: NDArray[np.floating]) -> int:
    """Of a block."""
    return max(1, CACHED // int(given.shape[1]))


def second_moments(sample: Tensor) -> Tensor:
    """`(d, d)` of `sample (n, d)`, by numpy, which halves the work where both sides are one matrix."""
    plain = sample.cpu().numpy()
    return torch.as_tensor(plain.T @ plain / np.float32(len(plain)), device=sample.device)


def centred(
    given: NDArray[np.floating],
    scale: Scale,
    center: NDArray[np.float64],
    *,
    dtype: torch.dtype,
    device: str | torch.device,
) -> Tensor:
    """`(n, d + 1)`: inputs less their centre, and ones."""
    result = torch.ones(len(given), given.shape[1] + 1, dtype=dtype, device=device)
    for start in range(0, len(given), rows_at_once(given)):
        rows = slice(start, start + rows_at_once(given))
        result[rows, :-1] = torch.as_tensor(scale(given[rows]) - center).to(dtype).to(device)
    return result
