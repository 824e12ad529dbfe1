"""Approximate Hessians that many logistic regressions share."""

from math import log

import torch
from torch import Tensor

ALIKE = 2.0  # weights within this factor share an inverse


class Preconditioners:
    """Inverses of approximate Hessians, penalty + weight x second moments, made when first asked for.

    A weight stands for all of similar size, so that many problems share an inverse.
    """

    def __init__(self, moments: Tensor) -> None:
        """From `moments (d + 1, d + 1)`."""
        self.moments = moments
        self.inverses: dict[tuple[int, torch.dtype], Tensor] = {}

    def levels(self, weights: Tensor) -> Tensor:
        """Which one stands for each of `weights (p,)`."""
        return (weights.clamp_min(1e-6).log() / log(ALIKE)).round().long()

    def inverse(self, level: int, dtype: torch.dtype) -> Tensor:
        """`(d + 1, d + 1)`."""
        if (level, dtype) not in self.inverses:
            self.inverses[level, dtype] = inverted(self.moments.to(dtype), ALIKE**level)
        return self.inverses[level, dtype]

    def solve(self, gradient: Tensor, levels: Tensor) -> Tensor:
        """Approximate inverse Hessian of each problem times its `gradient (p, d + 1)`."""
        present = sorted(set(levels.tolist()))
        if len(present) == 1:
            return gradient @ self.inverse(present[0], gradient.dtype)
        result = torch.empty_like(gradient)
        for level in present:
            rows = levels == level
            result[rows] = gradient[rows] @ self.inverse(level, gradient.dtype)
        return result


def inverted(moments: Tensor, weight: float) -> Tensor:
    """Inverse of penalty + `weight` x `moments`."""
    matrix = weight * moments
    matrix.diagonal()[:-1] += 1
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed):  # by rounding; only the speed depends on what is added
        matrix.diagonal().add_(1e-4 * matrix.diagonal().max())
        factor = torch.linalg.cholesky(matrix)
    return torch.cholesky_inverse(factor)
