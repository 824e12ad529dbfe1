"""Passages that come in together: their rows on disk and their words in the lexical index, in one pass."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.passages import Passage
from knowledge.retrieval.bm25 import Bm25
from knowledge.retrieval.integrity import damaged
from knowledge.retrieval.manifest import Segment
from knowledge.retrieval.rows import Codes, SegmentWriter


def first_segment(draft: Path, passages: Iterable[Passage], name: str, codes: Codes) -> Segment:
    """Write the passages as rows from 0 on, and make the lexical index of them."""
    writer = SegmentWriter(draft / "passages", name, codes)
    Bm25.build(writer.through(passages), draft / "lexical")
    return Segment(name, len(writer))


def next_segment(
    draft: Path,
    passages: Sequence[Passage],
    name: str,
    codes: Codes,
    *,
    base: int,
    dead: NDArray[np.int64],
) -> Segment:
    """Write the passages as rows from `base` on, and take the rows `dead` out of the lexical index."""
    if not passages:
        _change(draft, (), dead)
        return Segment(name, 0)
    writer = SegmentWriter(draft / "passages", name, codes)
    numbered = zip(itertools.count(base), writer.through(passages))
    _change(draft, numbered, dead)
    return Segment(name, len(writer))


def _change(draft: Path, add: Iterable[tuple[int, Passage]], dead: NDArray[np.int64]) -> None:
    try:
        Bm25.change(draft / "lexical", add=add, delete=dead.tolist())
    except ValueError as error:
        raise damaged(draft, f"the lexical index cannot be changed: {error}") from error
