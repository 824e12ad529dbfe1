"""How well two pictures agree in their detail once one is laid over the other."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from models.splits.checks.near.alignment import blurred, correlation, refined, scaled

STARTS = (1.0, 0.85, 1.18)  # scales from which a warp begins
COARSE = ((2.0, 5), (1.0, 3))  # blur in pixels and steps, on pictures of a quarter of the side
FINER = ((1.0, 3),)  # on half the side, then on the whole
NARROW, WIDE = 1.0, 3.0  # blurs whose difference leaves out what all pictures of a kind share
CLIPPED = 2.5  # times the mean magnitude
PLAINLY_ONE = 0.97  # agreement of a quarter of the side above which no warp is looked for
HOPELESS = (0.7, 0.75)  # agreement of a quarter and of half the side below which no more is looked at
PAIRS_AT_ONCE = 64


def agreements(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Correlation of detail `(n,)` after the best warp of each second picture `(n, s, s)` onto its first.

    1 for one picture twice, about 0 for unrelated ones; 0 where the two share less than half of the first.
    What agrees too little when small is not looked at any larger, and keeps the agreement that it had.
    """
    starts = range(0, len(first), PAIRS_AT_ONCE)
    blocks = [slice(start, start + PAIRS_AT_ONCE) for start in starts]
    found = [agreement_of(standard(first[block]), standard(second[block])) for block in blocks]
    return torch.cat([torch.zeros(0), *found]).numpy()


def agreement_of(first: Tensor, second: Tensor) -> Tensor:
    """The same `(b,)` for pictures `(b, 1, s, s)`, from a quarter of the side to the whole."""
    warp, found = coarse_warp(avg_pool2d(first, 4), avg_pool2d(second, 4))
    left = torch.arange(len(first))
    for shrink, least in zip((2, 1), HOPELESS, strict=True):
        hopeful = found[left] >= least
        left, warp = left[hopeful], warp[hopeful]
        if not len(left):
            break
        one, other = avg_pool2d(first[left], shrink), avg_pool2d(second[left], shrink)
        warp, found[left] = better_of(one, other, warp, finer(one, other, warp))
    return found.clamp_min(0)


def coarse_warp(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """The best warp `(b, 2, 3)` over all starts, and the agreement `(b,)` under it."""
    best = scaled(len(first), 1.0)
    agreement = detail_correlation(first, second, best)
    unsure = torch.nonzero(agreement < PLAINLY_ONE).flatten()
    if not len(unsure):
        return best, agreement
    one, other = first[unsure], second[unsure]
    levels = [(blurred(one, blur), blurred(other, blur), steps) for blur, steps in COARSE]
    for scale in STARTS:
        warp = scaled(len(unsure), scale)
        for smooth_one, smooth_other, steps in levels:
            warp = refined(warp, smooth_one, smooth_other, steps=steps)
        best[unsure], agreement[unsure] = better_of(one, other, best[unsure], warp)
    return best, agreement


def finer(first: Tensor, second: Tensor, warp: Tensor) -> Tensor:
    """The warp after a few more steps on larger pictures."""
    for blur, steps in FINER:
        warp = refined(warp, blurred(first, blur), blurred(second, blur), steps=steps)
    return warp


def better_of(first: Tensor, second: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Of two warps `(b, 2, 3)` the one under which the pictures agree more, and how much `(b,)`."""
    agreement_one, agreement_other = (detail_correlation(first, second, warp) for warp in (one, other))
    better = agreement_other > agreement_one
    return torch.where(better[:, None, None], other, one), torch.maximum(agreement_one, agreement_other)


def detail_correlation(first: Tensor, second: Tensor, warp: Tensor) -> Tensor:
    """Correlation `(b,)` of what is finer than the anatomy."""
    return correlation(detail(first), detail(second), warp)


def detail(pictures: Tensor) -> Tensor:
    """A difference of two Gaussians, clipped: a frame or a letter must not outweigh everything else."""
    fine = blurred(pictures, NARROW) - blurred(pictures, WIDE)
    most = CLIPPED * fine.abs().mean(dim=(2, 3), keepdim=True)
    return fine.clamp(-most, most)


def standard(pictures: NDArray[np.uint8]) -> Tensor:
    """Pictures `(b, 1, s, s)` of mean 0 and deviation 1."""
    values = torch.from_numpy(pictures.astype(np.float32))[:, None]
    values = values - values.mean(dim=(2, 3), keepdim=True)
    return values / values.std(dim=(2, 3), keepdim=True).clamp_min(1e-3)
