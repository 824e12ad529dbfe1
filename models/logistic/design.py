"""The inputs that many logistic regressions share, as the search wants them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.logistic.cores import cores_of, on_each_core, spans
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
        single = centred(given, scale, near, dtype=torch.float32, device=torch.device(device))
        moments, rest, size = described(single)
        center = near + rest.cpu().double().numpy()
        return cls(given, scale, single, center, Preconditioners(moments), size)

    def double(self) -> Tensor:
        """`single` in float64, made anew."""
        device = self.single.device
        return centred(self.given, self.scale, self.center, dtype=torch.float64, device=device)

    def logits(self, place: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Of coefficients `(p, d + 1)` at some of the rows, `(p, len(rows))`."""
        device = self.single.device
        weights, wanted = self.recentred(place).float(), torch.as_tensor(rows, device=device)
        found = on_each_core(
            lambda span: weights @ self.single[wanted[span]].T,
            spans(len(rows), parts=cores_of(device)),
            device=device,
        )
        return np.concatenate([part.cpu().numpy() for part in found], axis=1).astype(np.float64)

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


def centred(
    given: NDArray[np.floating],
    scale: Scale,
    center: NDArray[np.float64],
    *,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """`(n, d + 1)`: inputs less their centre, and ones."""
    result = torch.empty(len(given), given.shape[1] + 1, dtype=dtype, device=device)

    def fill(span: slice) -> None:
        for start in range(span.start, span.stop, rows_at_once(given)):
            rows = slice(start, min(start + rows_at_once(given), span.stop))
            result[rows, :-1] = torch.as_tensor(scale(given[rows]) - center).to(dtype).to(device)
        result[span, -1] = 1

    on_each_core(fill, spans(len(given), parts=cores_of(device)), device=device)
    return result


def described(single: Tensor) -> tuple[Tensor, Tensor, float]:
    """Takes the mean off the columns but the last; second moments, that mean, and the largest column's size.

    The mean is small, so that float32 loses nothing.
    """
    device, step = single.device, max(1, len(single) // (ROWS_PER_COLUMN * single.shape[1]))
    parts = spans(len(single), parts=cores_of(device))
    mean = sum_of(on_each_core(lambda span: single[span, :-1].sum(dim=0), parts, device=device)) / len(single)

    def describe(span: slice) -> tuple[Tensor, Tensor]:
        single[span, :-1] -= mean
        some = single[span][::step]
        return some.T @ some, torch.linalg.vector_norm(single[span, :-1], ord=1, dim=0)

    moments, sizes = zip(*on_each_core(describe, parts, device=device), strict=True)
    taken = sum(len(range(span.start, span.stop, step)) for span in parts)
    return sum_of(moments) / taken, mean, float(sum_of(sizes).max()) / len(single)


def sum_of(parts: Sequence[Tensor]) -> Tensor:
    """Of tensors of one shape."""
    return torch.stack(tuple(parts)).sum(dim=0)
