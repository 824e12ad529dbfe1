"""Many logistic regressions, each to its optimum."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import ModelsError
from models.logistic.cores import cores_of, on_each_core, spans
from models.logistic.design import Design
from models.logistic.preconditioner import Preconditioners
from models.logistic.search import Search

Unsettled = Callable[[int, int, int], None]

SINGLE_STEPS = 60  # in float32, before float64 takes over
FEWEST = 5  # problems worth a core of their own
COMPRESS_AT = 0.2  # share of finished problems at which they are dropped from the arrays


def descend(search: Search, *, tolerance: float, maximum: int) -> tuple[Tensor, int]:
    """Optima `(p, d + 1)`, and how many of them were not reached.

    The last step of each is taken on trust, for it can only be that wrong.
    """
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
    done = search.error() <= tolerance
    result[live] = search.place + search.direction * done[:, None]
    return result, int((~done).sum())


def spread(
    inputs: Tensor,
    problems: tuple[Tensor, Tensor, Tensor],
    *,
    shared: Preconditioners,
    tolerance: float,
    maximum: int,
) -> tuple[Tensor, int]:
    """`descend` for `problems`, which are targets and weights `(p, n)` and where to start `(p, d + 1)`."""

    def solve(part: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, int]:
        search = Search(inputs, part[0], part[1], shared=shared, start=part[2])
        return descend(search, tolerance=tolerance, maximum=maximum)

    device = inputs.device
    parts = spans(len(problems[0]), parts=min(cores_of(device), -(-len(problems[0]) // FEWEST)))
    targets, weights, start = problems
    found = on_each_core(
        solve, [(targets[part], weights[part], start[part]) for part in parts], device=device
    )
    return torch.cat([place for place, _ in found]), sum(left for _, left in found)


def refuse(left: int, problems: int, steps: int) -> None:
    """What is kept must be an optimum."""
    raise ModelsError(
        f"{left} of {problems} concepts that are fitted together have no settled weights after {steps} "
        "steps; lower C, or give the features the scaling standard"
    )


def fit_logistic(
    design: Design,
    targets: NDArray[np.floating],
    weights: NDArray[np.floating],
    *,
    start: NDArray[np.floating] | None = None,
    tolerance: float = 3e-4,
    maximum: int = 500,
    unsettled: Unsettled = refuse,
) -> NDArray[np.float64]:
    """Coefficients `(p, d + 1)`, the bias last.

    In float32, which is several times as fast; where rounding could be felt (strong weights or large
    inputs), float64 goes on from there. Digits below the tolerance depend on what is solved together.

    Args:
        design: Of the `n` inputs.
        targets: `(p, n)` in [0, 1].
        weights: `(p, n)` sample weights times `C`.
        start: `(p, d + 1)` where to begin; zeros by default.
        tolerance: On the expected distance of every coefficient, and of a typical logit, from the optimum.
        maximum: Iterations.
        unsettled: Told how many problems of how many were not solved in `maximum` iterations.

    The tolerance holds for inputs less their mean. The bias of inputs as they were given takes up the sum of
    the coefficients' errors times that mean, which is small for inputs that are centred or of length 1.

    Raises:
        ModelsError: A problem was not solved, by default.
    """
    device = design.single.device
    said, weighed = (torch.as_tensor(side, device=device) for side in (targets, weights))
    place = design.recentred(np.zeros((len(targets), design.single.shape[1])) if start is None else start)
    rounding = float(weighed.sum(dim=1).max()) * design.size * float(np.finfo(np.float32).eps)
    exact = rounding < tolerance / 8
    place, left = spread(
        design.single,
        (said.float(), weighed.float(), place.float()),
        shared=design.shared,
        tolerance=tolerance if exact else max(tolerance, 16 * rounding),
        maximum=maximum if exact else min(maximum, SINGLE_STEPS),
    )
    if not exact or left:
        place, left = spread(
            design.double(),
            (said.double(), weighed.double(), place.double()),
            shared=design.shared,
            tolerance=tolerance,
            maximum=maximum,
        )
    if left:
        unsettled(left, len(targets), maximum)
    return design.uncentred(place)
