"""Walks a matrix that may lie on disk a block of rows at a time, so that it is never in memory as a whole."""

import math
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

VALUES_AT_ONCE = 2**21  # 8 MB of float32 and 16 MB of float64
FEW_VALUES = 2**17  # for numbers that are wider while they are worked out: 1 MB of float64


def row_blocks(values: NDArray[Number]) -> Iterator[NDArray[Number]]:
    """Parts `(b, d)` of `values (n, d)`, one after the other, without a copy."""
    for rows in row_slices(values):
        yield values[rows]


def row_slices(values: NDArray[Number], *, at_once: int | None = None) -> Iterator[slice]:
    """The rows of each part of `values (n, d)` or `(n, d, e)`, of about so many values."""
    step = max(1, (at_once or VALUES_AT_ONCE) // max(1, math.prod(values.shape[1:])))
    for start in range(0, len(values), step):
        yield slice(start, start + step)
