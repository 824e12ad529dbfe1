"""The Poisson bootstrap that samples have in common, made anew wherever it is needed instead of kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

LANES = 4  # 16 bits a draw
GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class SharedCounts:
    """How often each unit (patient) is drawn: Poisson(1) times, by its name, seed and replicate alone.

    Stands for an array `(1 + replicates, u) uint8` whose rows are made when they are asked for. The random
    bits are SplitMix64's (Steele, Lea and Flood, OOPSLA 2014), whose n-th number needs none of those before
    it; 16 of them a draw give each probability to within 1 / 65,536.

    Attributes:
        keys: `(u,) uint64` where the sequence of each unit begins.
        rows: Replicates and, before them, the sample itself.
    """

    keys: NDArray[np.uint64]
    rows: int

    @classmethod
    def of(cls, names: Sequence[str], *, replicates: int, seed: int) -> Self:
        """Of units with these names."""
        digests = [hashlib.sha256(f"{seed} {name}".encode()).digest()[:8] for name in names]
        return cls(np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64), 1 + replicates)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, replicates: slice) -> NDArray[np.uint8]:
        start, stop, _ = replicates.indices(self.rows)
        counts = np.ones((max(stop - start, 0), len(self.keys)), dtype=np.uint8)
        first = max(start, 1)
        if stop > first:
            counts[first - start :] = poisson(self.keys, first - 1, stop - 1)
        return counts


def poisson(keys: NDArray[np.uint64], start: int, stop: int) -> NDArray[np.uint8]:
    """Draws number `start` to `stop` of each unit, `(stop - start, u)`."""
    first, last = start // LANES, (stop - 1) // LANES + 1
    drawn = np.empty((last - first, LANES, len(keys)), dtype=np.uint8)
    for row, word in enumerate(range(first, last)):  # one at a time stays near the core
        bits = mixed(keys + np.uint64((word + 1) * GOLDEN % 2**64))
        for lane in range(LANES):
            POISSON.take(bits & np.uint64(0xFFFF), out=drawn[row, lane], mode="clip")
            bits >>= np.uint64(16)
    return drawn.reshape((last - first) * LANES, len(keys))[start - first * LANES : stop - first * LANES]


def mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64, in place."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits


def poisson_table() -> NDArray[np.uint8]:
    """Poisson(1) by 16 random bits, `(65536,)`: as often each number as its probability says."""
    terms = np.cumprod(np.r_[1.0, 1 / np.arange(1.0, 12)]) * np.exp(-1.0)
    ends = np.round(np.cumsum(terms) * 65536)
    return np.searchsorted(ends, np.arange(65536), side="right").astype(np.uint8)


POISSON = poisson_table()
