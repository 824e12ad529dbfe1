"""Whether an id stands twice among millions, in eight bytes an id."""

from array import array
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np


def id_hash(passage_id: str) -> int:
    """64 bits; ids that share them are told apart by reading them again."""
    return int.from_bytes(blake2b(passage_id.encode(), digest_size=8).digest(), "little")


class SeenIds:
    """The hashes of the ids that were written."""

    def __init__(self) -> None:
        self._hashes = array("Q")

    def add(self, passage_id: str) -> None:
        """Count it in."""
        self._hashes.append(id_hash(passage_id))

    def first_repeated(self, ids: Iterable[str]) -> str | None:
        """The first id that stands twice; `ids` are the same again, read only where hashes are equal."""
        hashes = np.sort(np.frombuffer(self._hashes, np.uint64))
        shared = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        if not shared:
            return None
        seen: set[str] = set()
        for each in ids:
            if each in seen:
                return each
            if id_hash(each) in shared:
                seen.add(each)
        return None
