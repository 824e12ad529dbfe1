"""What differs between two files of passages, without holding either in memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.passage_file import PassageFile
from knowledge.passages import Passage, parse_passage
from pipelines.refreshing.outcome import PassageChange


@dataclass(frozen=True, slots=True)
class LiteratureChange:
    """The later file beside the earlier one.

    Attributes:
        fresh: Passages of new ids, and those with another text or other facts.
        new_texts: Ids of those whose text the earlier file does not have under that id.
        gone: Ids of the earlier file that the later one lacks.
        counts: Of all.
    """

    fresh: tuple[Passage, ...]
    new_texts: frozenset[str]
    gone: tuple[str, ...]
    counts: PassageChange


def compare_passages(before: Path, after: Path) -> LiteratureChange:
    """Lines are compared by their digests, 8 bytes each; only those that differ are read."""
    old, new = _line_digests(before), _line_digests(after)
    if len(old) == len(new) and bool((old == new).all()):
        return LiteratureChange((), frozenset(), (), PassageChange(unchanged=len(new)))
    earlier, later = PassageFile(before), PassageFile(after)
    fresh = tuple(_lines_at(after, ~np.isin(new, old)))
    known = {each.id: earlier[each.id].text for each in fresh if each.id in earlier}
    gone = tuple(each.id for each in _lines_at(before, ~np.isin(old, new)) if each.id not in later)
    counts = PassageChange(
        added=len(fresh) - len(known),
        changed=len(known),
        deleted=len(gone),
        unchanged=len(new) - len(fresh),
    )
    new_texts = frozenset(each.id for each in fresh if known.get(each.id) != each.text)
    return LiteratureChange(fresh, new_texts, gone, counts)


def _line_digests(path: Path) -> NDArray[np.uint64]:
    """Of each line, `(n,)`."""
    with path.open("rb") as file:
        digests = b"".join(hashlib.blake2b(line, digest_size=8).digest() for line in file)
    return np.frombuffer(digests, np.uint64)


def _lines_at(path: Path, chosen: NDArray[np.bool_]) -> Iterator[Passage]:
    with path.open("rb") as file:
        for number, (line, wanted) in enumerate(zip(file, chosen.tolist(), strict=True), start=1):
            if wanted:
                yield parse_passage(line, path, number)
