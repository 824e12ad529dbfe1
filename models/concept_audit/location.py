"""Whether a detector looks where the finding is: concept location (CLM of arXiv 2501.19271)."""

import numpy as np
from numpy.typing import NDArray

UPSAMPLED = 48  # pixels along each side, on which the looked-at area is marked


def looked_at(maps: NDArray[np.float64], *, area: float) -> NDArray[np.bool_]:
    """The highest `area` of each map after upsampling, `(..., 48, 48)`, from maps `(..., r, c)`."""
    large = upsample(maps)
    flat = large.reshape(*maps.shape[:-2], -1)
    count = max(1, round(area * flat.shape[-1]))
    order = np.argsort(-flat, axis=-1, kind="stable")
    marked = np.zeros(flat.shape, dtype=np.bool_)
    np.put_along_axis(marked, order[..., :count], values=True, axis=-1)
    return marked.reshape(large.shape)


def upsample(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear, pixel centres to pixel centres and constant beyond them, `(..., 48, 48)`."""
    for axis in (-2, -1):
        size = maps.shape[axis]
        at = np.clip((np.arange(UPSAMPLED) + 0.5) * size / UPSAMPLED - 0.5, 0, size - 1)
        below = np.floor(at).astype(np.intp)
        share = (at - below).reshape(-1, *([1] * (-1 - axis)))
        above = np.minimum(below + 1, size - 1)
        maps = np.take(maps, below, axis=axis) * (1 - share) + np.take(maps, above, axis=axis) * share
    return maps


def location_share(marked: NDArray[np.bool_], centres: NDArray[np.floating]) -> tuple[float, int]:
    """Share of the centres that lie in the marked area of their map, and how many centres there are.

    Args:
        marked: `(..., r, c)`.
        centres: `(..., 2)` row and column as shares of the image the encoder sees; nan where unknown.
    """
    flat, places = marked.reshape(-1, *marked.shape[-2:]), centres.reshape(-1, 2)
    known = np.flatnonzero(~np.isnan(places).any(axis=1))
    if not len(known):
        return float("nan"), 0
    limits = np.array(marked.shape[-2:])
    at = np.clip((places[known] * limits).astype(np.intp), 0, limits - 1)
    return float(flat[known, at[:, 0], at[:, 1]].mean()), len(known)
