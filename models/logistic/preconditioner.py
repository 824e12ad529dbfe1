"""Approximate Hessians that many logistic regressions share."""

import torch
from torch import Tensor

ALIKE = 2.0  # curvatures within this factor of the one that an inverse was made for use it


class Preconditioners:
    """Inverses of approximate Hessians, penalty + curvature x second moments, made when first needed."""

    def __init__(self, moments: Tensor) -> None:
        """From `moments (d + 1, d + 1)`."""
        self.moments = moments
        self.curvatures: list[float] = []
        self.inverses: dict[tuple[int, torch.dtype], Tensor] = {}

    def choose(self, curvatures: Tensor) -> Tensor:
        """Number of the inverse for each of `curvatures (p,)`, the sums of its problem's weights."""
        wanted = curvatures.double().cpu().clamp_min(1e-6)
        self.extend(wanted)
        there = torch.tensor(self.curvatures, dtype=torch.float64)
        nearest = (wanted.log()[:, None] - there.log()[None, :]).abs().argmin(dim=1)
        return nearest.to(curvatures.device)

    def extend(self, wanted: Tensor) -> None:
        """Adds inverses until each curvature has one, each in the middle of those that it serves."""
        rest = sorted(
            value
            for value in wanted.tolist()
            if not any(there / ALIKE <= value <= there * ALIKE for there in self.curvatures)
        )
        while rest:
            served = [value for value in rest if value <= rest[0] * ALIKE**2]
            self.curvatures.append(float((served[0] * served[-1]) ** 0.5))
            rest = rest[len(served) :]

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
        if (number, dtype) not in self.inverses:
            self.inverses[number, dtype] = inverted(self.moments.to(dtype), self.curvatures[number])
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
