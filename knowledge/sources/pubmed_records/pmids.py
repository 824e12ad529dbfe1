"""A set of PMIDs as bits: 12.5 MB at most, and 5 MB for all that PubMed holds."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

LARGEST = 99_999_999  # eight digits, as the DTD of PubMed has it


class PmidSet:
    """PMIDs from 1 to 99,999,999; it grows with the largest of them."""

    def __init__(self, bits: NDArray[np.uint8] | None = None) -> None:
        self.bits = np.zeros(1, np.uint8) if bits is None else bits

    def add(self, pmids: NDArray[np.uint32]) -> None:
        """Put them in; 0 stands for none."""
        pmids = pmids[pmids > 0]
        if len(pmids) and (needed := int(pmids.max()) // 8 + 1) > len(self.bits):
            self.bits = self._widened(min(2 * needed, LARGEST // 8 + 1))
        np.bitwise_or.at(self.bits, pmids >> 3, _mask(pmids))

    def has(self, pmids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """For each *(n)* whether it is in."""
        place = pmids >> 3
        within = place < len(self.bits)
        found: NDArray[np.bool_] = within & (self.bits[np.where(within, place, 0)] & _mask(pmids) != 0)
        return found

    def __len__(self) -> int:
        return int(np.bitwise_count(self.bits).sum(dtype=np.int64))

    def less(self, *others: "PmidSet") -> "PmidSet":
        """The members that are in none of the others."""
        bits = self.bits.copy()
        for other in others:
            shared = min(len(bits), len(other.bits))
            bits[:shared] &= ~other.bits[:shared]
        return PmidSet(bits)

    def members(self) -> NDArray[np.uint32]:
        """*(n)*, ascending."""
        touched = np.flatnonzero(self.bits)
        bits = np.unpackbits(self.bits[touched], bitorder="little").reshape(-1, 8)
        row, bit = np.nonzero(bits)
        return (touched[row] * 8 + bit).astype(np.uint32)

    def _widened(self, size: int) -> NDArray[np.uint8]:
        """The bits with room for `size` bytes."""
        bits = np.zeros(size, np.uint8)
        bits[: len(self.bits)] = self.bits
        return bits


def pmid_array(pmids: Iterable[int]) -> NDArray[np.uint32]:
    """*(n)*, in the order given."""
    return np.fromiter(pmids, np.uint32)


def _mask(pmids: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (pmids & 7).astype(np.uint8))
