"""A set of PMIDs as bits: 12.5 MB at most, whatever it holds."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

LARGEST = 99_999_999  # eight digits, as the DTD of PubMed has it


class PmidSet:
    """PMIDs from 1 to 99,999,999; pages of memory that no member touches are never taken."""

    def __init__(self, bits: NDArray[np.uint8] | None = None) -> None:
        self.bits = np.zeros(LARGEST // 8 + 1, np.uint8) if bits is None else bits

    def add(self, pmids: NDArray[np.uint32]) -> None:
        """Put them in; 0 stands for none."""
        pmids = pmids[pmids > 0]
        np.bitwise_or.at(self.bits, pmids >> 3, _mask(pmids))

    def has(self, pmids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """For each *(n)* whether it is in."""
        found: NDArray[np.bool_] = (self.bits[pmids >> 3] & _mask(pmids)) != 0
        return found

    def __len__(self) -> int:
        return int(np.bitwise_count(self.bits).sum(dtype=np.int64))

    def less(self, *others: "PmidSet") -> "PmidSet":
        """The members that are in none of the others."""
        bits = self.bits.copy()
        for other in others:
            bits &= ~other.bits
        return PmidSet(bits)

    def members(self) -> NDArray[np.uint32]:
        """*(n)*, ascending."""
        touched = np.flatnonzero(self.bits)
        bits = np.unpackbits(self.bits[touched], bitorder="little").reshape(-1, 8)
        row, bit = np.nonzero(bits)
        return (touched[row] * 8 + bit).astype(np.uint32)


def pmid_array(pmids: Iterable[int]) -> NDArray[np.uint32]:
    """*(n)*, in the order given."""
    return np.fromiter(pmids, np.uint32)


def _mask(pmids: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (pmids & 7).astype(np.uint8))
