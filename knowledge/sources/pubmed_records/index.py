"""What a file holds, listed in a quick first pass: which version is the newest is known before any is read.

The list makes files independent of each other: they can then be read in any order, several at once.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_records.plain import own_pmid
from knowledge.sources.pubmed_records.pmids import PmidSet, pmid_array
from knowledge.sources.pubmed_records.record import BadRecordError, parse_deletion, parse_record
from knowledge.sources.pubmed_records.scan import ARTICLES, Piece, pieces


@dataclass(frozen=True, slots=True)
class FileIndex:
    """The numbers in one file.

    Attributes:
        pmids: Of each article *(n)*, in the order of the file; 0 where it has none that can be read.
        deleted: PMIDs that the file withdraws *(d)*.
        retracted: PMIDs that notices in the file retract *(r)*.
        damage: One sentence where the file could not be read to its end, else empty.
    """

    pmids: NDArray[np.uint32]
    deleted: NDArray[np.uint32]
    retracted: NDArray[np.uint32]
    damage: str = ""


def index_file(file: Path) -> FileIndex:
    """One pass over the file; damage is reported in the index, with what stands before it."""
    pmids, deleted, retracted = list[int](), list[int](), list[int]()
    damage = ""
    try:
        for piece in pieces(file):
            try:
                if piece.tag in ARTICLES:
                    pmids.append(_pmid(piece, retracted))
                elif piece.tag:
                    deleted.extend(parse_deletion(piece))
            except BadRecordError:  # named when the file is read
                if piece.tag in ARTICLES:
                    pmids.append(0)
    except KnowledgeError as error:
        damage = str(error)
    return FileIndex(pmid_array(pmids), pmid_array(deleted), pmid_array(retracted), damage)


def _pmid(piece: Piece, retracted: list[int]) -> int:
    notice = b"CommentsCorrectionsList>" in piece.xml and b"RetractionOf" in piece.xml
    if not notice and (pmid := own_pmid(piece.xml)) is not None:
        return pmid
    record = parse_record(piece)
    retracted.extend(record.retracts)
    return record.pmid


def live_records(index: FileIndex, settled: PmidSet) -> NDArray[np.bool_]:
    """For each article *(n)* whether it counts: no newer file settles it, and no later one in this file.

    `settled` takes in what this file settles: ask for the newest file first.
    """
    live = (index.pmids > 0) & ~settled.has(index.pmids) & ~np.isin(index.pmids, index.deleted)
    _, last = np.unique(index.pmids[::-1], return_index=True)
    is_last = np.zeros(len(index.pmids), np.bool_)
    is_last[len(index.pmids) - 1 - last] = True
    settled.add(index.pmids)
    settled.add(index.deleted)
    return live & is_last
