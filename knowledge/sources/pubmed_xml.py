"""PubMed XML as the National Library of Medicine distributes it: titles and abstracts of journal articles."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Document
from knowledge.sources.files import source_files
from knowledge.sources.left_out import NOTICES, LeftOut, Refuse, with_text
from knowledge.sources.pubmed_records import (
    ARTICLES,
    BadRecordError,
    PmidSet,
    PubmedRecord,
    index_file,
    live_records,
    parse_deletion,
    parse_record,
    pieces,
)

SUFFIXES = (".xml", ".xml.gz")


def read_pubmed_xml(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document a record that has an abstract, with its labelled parts as sections.

    A PMID that stands in several files counts as it is in the last one by name: baseline and update files of
    PubMed are numbered in that sense, and a deletion removes the record from its own and all earlier files.
    The last file is read first. Articles are marked as retracted where they say so or where a notice in any
    of the files does; the notices themselves are left out.

    A file that a user named is meant to be whole: the first bad record ends the reading. In a folder it costs
    itself; `left_out` is told of it, of notices, and of records without abstract.

    Raises:
        KnowledgeError: The path is missing, empty, not well-formed XML or not PubMed XML.
    """
    files = source_files(path, SUFFIXES)
    left_out = left_out or LeftOut()
    documents = _newest_first(files, source, license, left_out, left_out.refusal(path))
    yield from with_text(documents, path, left_out)


def _newest_first(
    files: list[Path], source: str, license_: str, left_out: LeftOut, refuse: Refuse
) -> Iterator[Document]:
    indexes = [index_file(file) for file in files]
    retracted, settled = PmidSet(), PmidSet()
    for index in indexes:
        retracted.add(index.retracted)
    for file, index in zip(reversed(files), reversed(indexes), strict=True):
        counts = live_records(index, settled) | (index.pmids == 0)
        for number, record in _records(file, counts, refuse):
            if record.notice:
                left_out.add(NOTICES, f"pmid:{record.pmid}")
            else:
                noticed = bool(retracted.has(index.pmids[number : number + 1])[0])
                yield record.document(source=source, license=license_, retracted=noticed)


def _records(file: Path, counts: NDArray[np.bool_], refuse: Refuse) -> Iterator[tuple[int, PubmedRecord]]:
    """The records that count, each with its place in the file."""
    number = -1
    try:
        for piece in pieces(file):
            try:
                if piece.tag not in ARTICLES:
                    parse_deletion(piece)
                    continue
                number += 1
                if counts[number]:
                    yield number, parse_record(piece)
            except BadRecordError as error:
                refuse(KnowledgeError(f"{file} line {error.line} {error}: fetch the file again."))
    except KnowledgeError as error:
        refuse(error)
