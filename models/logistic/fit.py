"""Many logistic regressions, each to its optimum."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.logistic.design import Design
from models.logistic.search import Search

SINGLE_STEPS = 60  # in float32, before float64 takes over
COMPRESS_AT = 0.2  # share of finished problems at which they are dropped from the arrays


def descend(search: Search, *, tolerance: float, maximum: int) -> Tensor:
    """Optima `(p, d + 1)`; the last step of each is taken on trust, for it can only be that wrong."""
    result = search.place.clone()
    live = torch.arange(len(result), device=result.device)
    for _ in range(maximum):
        done = search.error() <= tolerance
        if bool(done.all()):
            break
        if float(done.float().mean()) > COMPRESS_AT:
            result[live] = search.place + search.direction
            search.keep(~done)
            live = live[~done]
        search.advance()
    result[live] = search.place + search.direction * (search.error() <= tolerance)[:, None]
    return result


def fit_logistic(
    design: Design,
    targets: NDArray[np.floating],
    weights: NDArray[np.floating],
    *,
    start: NDArray[np.floating] | None = None,
    tolerance: float = 3e-4,
    maximum: int = 500,
) -> NDArray[np.float64]:
    """Coefficients `(p, d + 1)`, the bias last.

    In float32, which is several times as fast; where rounding could be felt (strong weights or large
    inputs), float64 goes on from there.

    Args:
        design: Of the `n` inputs.
        targets: `(p, n)` in [0, 1].
        weights: `(p, n)` sample weights times `C`.
        start: `(p, d + 1)` where to begin; zeros by default.
        tolerance: On the expected distance of every coefficient from the optimum.
        maximum: Iterations.
    """
    device = design.single.device
    sides = [torch.as_tensor(side, dtype=torch.float32, device=device) for side in (targets, weights)]
    place = design.recentred(np.zeros((len(targets), design.single.shape[1])) if start is None else start)
    rounding = float(sides[1].sum(dim=1).max()) * design.size * float(np.finfo(np.float32).eps)
    search = Search(design.single, *sides, shared=design.shared, start=place.float())
    exact = rounding < tolerance
    place = descend(
        search,
        tolerance=max(tolerance, 16 * rounding),
        maximum=maximum if exact else min(maximum, SINGLE_STEPS),
    )
    if not exact:
        sides = [torch.as_tensor(side, dtype=torch.float64, device=device) for side in (targets, weights)]
        search = Search(design.double(), *sides, shared=design.shared, start=place.double())
        place = descend(search, tolerance=tolerance, maximum=maximum)
    return design.uncentred(place)
