"""Which version of which record counts, over all files, before any is read; and what is new or gone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_bulk.state import State
from knowledge.sources.pubmed_records import PmidSet, index_file, live_records
from knowledge.sources.pubmed_records.index import FileIndex

LEAST = 0.98
"""Share of the last reading's PMIDs that must still be there: if fewer are, it is not PubMed's doing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to take of one file.

    Attributes:
        file: Its path.
        live: For each article *(n)* whether it counts; where its PMID cannot be read it does, to be named.
        noticed: For each article *(n)* whether a notice in any file retracts it.
    """

    file: Path
    live: NDArray[np.bool_]
    noticed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Census:
    """PMIDs over all files.

    Attributes:
        files: Newest first.
        live: PMIDs that count.
        deleted: PMIDs that are withdrawn.
        noticed: PMIDs that a notice retracts.
        last: PMIDs of the last reading, or none.
    """

    files: tuple[Path, ...]
    live: PmidSet
    deleted: PmidSet
    noticed: PmidSet
    last: PmidSet | None

    def new(self) -> int:
        """How many PMIDs the last reading did not know."""
        return len(self.live) if self.last is None else len(self.live.less(self.last))

    def vanished(self) -> NDArray[np.uint32]:
        """PMIDs of the last reading that are gone although no file withdraws them, ascending."""
        gone = PmidSet() if self.last is None else self.last.less(self.live, self.deleted)
        return gone.members()


def take_census(files: list[Path], state: State) -> Census:
    """`files` oldest first; their indexes are at hand (`ensure_index`).

    Raises:
        KnowledgeError: Far fewer PMIDs are there than at the last reading.
    """
    live, deleted, noticed, settled = PmidSet(), PmidSet(), PmidSet(), PmidSet()
    for file in reversed(files):
        index = ensure_index(file, state)
        noticed.add(index.retracted)
        deleted.add(index.deleted[~settled.has(index.deleted)])
        live.add(index.pmids[live_records(index, settled)])
    last = state.read_manifest()
    if last is not None and len(live) < LEAST * len(last.less(deleted)):
        raise KnowledgeError(
            f"{files[0].parent} holds {len(live):,} PubMed records, the last reading {len(last):,}: fetch "
            f"the missing files, or delete {state.folder / 'manifest.npz'} if it is meant to hold fewer."
        )
    return Census(tuple(reversed(files)), live, deleted, noticed, last)


def plans(census: Census, state: State) -> Iterator[Plan]:
    """What to take of each file, newest first; one index is in memory at a time."""
    settled = PmidSet()
    for file in census.files:
        index = ensure_index(file, state)
        yield Plan(file, live_records(index, settled) | (index.pmids == 0), census.noticed.has(index.pmids))


def ensure_index(file: Path, state: State) -> FileIndex:
    """The index of the file, made and kept where there is none yet."""
    index = state.read_index(file)
    if index is None:
        index = index_file(file)
        state.write_index(file, index)
    return index
