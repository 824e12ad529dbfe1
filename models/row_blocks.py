"""Walks a matrix that may lie on disk a block of rows at a time, so that it is never in memory as a whole."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

VALUES_AT_ONCE = 2**21  # 8 MB of float32 and 16 MB of float64


def row_blocks(values: NDArray[Number]) -> Iterator[NDArray[Number]]:
    """Parts `(b, d)` of `values (n, d)`, one after the other, without a copy."""
    rows = max(1, VALUES_AT_ONCE // max(1, values.shape[1]))
    for start in range(0, len(values), rows):
        yield values[start : start + rows]
