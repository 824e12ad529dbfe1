"""Approximate Hessians that many logistic regressions share."""

import math
from threading import Lock

import torch
from torch import Tensor

STEP = 4.0  # between the curvatures for which there are inverses, so that each has one within a factor of 2


class Preconditioners:
    """Inverses of approximate Hessians, penalty + curvature x second moments, made when first needed.

    The curvatures are powers of `STEP`, so that which one serves a problem does not depend on other problems.
    """

    def __init__(self, moments: Tensor) -> None:
        """From `moments (d + 1, d + 1)`."""
        self.moments = moments
        self.inverses: dict[tuple[int, torch.dtype], Tensor] = {}
        self.making = Lock()

    def choose(self, curvatures: Tensor) -> Tensor:
        """The power for each of `curvatures (p,)`, the sums of its problem's weights."""
        return (curvatures.double().clamp_min(1e-6).log() / math.log(STEP)).round().long()

    def solve(self, gradient: Tensor, chosen: Tensor) -> Tensor:
        """Approximate inverse Hessian of each problem times its `gradient (p, d + 1)`."""
        present = sorted(set(chosen.tolist()))
        if len(present) == 1:
            return gradient @ self.inverse(present[0], gradient.dtype)
        result = torch.empty_like(gradient)
        for number in present:
            rows = chosen == number
            result[rows] = gradient[rows] @ self.inverse(number, gradient.dtype)
        return result

    def inverse(self, number: int, dtype: torch.dtype) -> Tensor:
        """`(d + 1, d + 1)`."""
        with self.making:
            if (number, dtype) not in self.inverses:
                self.inverses[number, dtype] = inverted(self.moments.to(dtype), STEP**number)
            return self.inverses[number, dtype]


def inverted(moments: Tensor, curvature: float) -> Tensor:
    """Inverse of penalty + `curvature` x `moments`."""
    matrix = curvature * moments
    matrix.diagonal()[:-1] += 1
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed):  # by rounding; only the speed depends on what is added
        matrix.diagonal().add_(1e-4 * matrix.diagonal().max())
        factor = torch.linalg.cholesky(matrix)
    return torch.cholesky_inverse(factor)
