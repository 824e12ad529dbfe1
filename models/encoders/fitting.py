"""Finds the batch that fits into a device's memory while working: halves on a refusal, doubles on success."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

LARGEST = 1024  # more images together make no network faster


@dataclass(frozen=True, slots=True)
class Fit:
    """What is known of the memory.

    Attributes:
        size: Images to try next.
        refused: The smallest batch that did not fit; None while all did.
    """

    size: int = 64
    refused: int | None = None

    def grown(self) -> "Fit":
        """After a batch of this size fitted."""
        double = min(2 * self.size, LARGEST)
        return Fit(double, self.refused) if self.refused is None or double < self.refused else self

    def shrunk(self, refused: int) -> "Fit":
        """After a batch of `refused` images did not fit."""
        return Fit(max(1, refused // 2), min(refused, self.refused or refused))


def run_fitting(
    function: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    fit: Fit,
    *,
    release: Callable[[], None],
) -> tuple[NDArray[np.float32], Fit]:
    """The function's rows for all pixels `(n, ...)`, and what was learnt of the memory.

    Args:
        function: From `(m, ...)` to `(m, d)`; raises `torch.OutOfMemoryError` where m is too large.
        pixels: At least one image.
        fit: Where to begin.
        release: Called after a refusal, before the next attempt.

    Raises:
        torch.OutOfMemoryError: One image alone does not fit.
    """
    done: list[NDArray[np.float32]] = []
    start = 0
    while start < len(pixels):
        part = pixels[start : start + fit.size]
        try:
            done.append(function(part))
        except torch.OutOfMemoryError:
            if len(part) == 1:
                raise
        else:
            start += len(part)
            fit = fit.grown() if len(part) == fit.size else fit
            continue
        release()  # here, where the error and the tensors of its frames are gone
        fit = fit.shrunk(len(part))
    return np.concatenate(done), fit
