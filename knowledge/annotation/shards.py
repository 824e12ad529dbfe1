"""Annotation in parts that are kept as they are finished, so that a killed run goes on where it was."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from knowledge.annotation.table import (
    AnnotationTable,
    Annotator,
    Cells,
    Progress,
    Report,
    join_tables,
    read_annotations,
    write_annotations,
)
from knowledge.concepts import Concept
from knowledge.errors import KnowledgeError

REPORTS_PER_SHARD = 500


class Shards:
    """Annotations of one annotator, kept by content: reports, questions and everything the answers rest on.

    Args:
        annotator: Who answers.
        directory: Where finished parts lie; several runs and processes may share it.
        size: Reports of a part.
    """

    def __init__(self, annotator: Annotator, directory: Path, *, size: int = REPORTS_PER_SHARD) -> None:
        self.annotator = annotator
        self.directory = directory
        self.size = size

    def annotate(
        self,
        reports: Sequence[Report],
        concepts: Sequence[Concept],
        *,
        cells: Cells | None = None,
        progress: Progress | None = None,
    ) -> AnnotationTable:
        """One table of all parts; those that are finished are read."""
        if not reports:
            return self.annotator.annotate(reports, concepts, cells=cells)
        tables = []
        for part in parts(len(reports), self.size):
            some = None if cells is None else cells[part]
            tables.append(self._shard(reports[part], concepts, some))
            if progress is not None:
                progress(min(part.stop, len(reports)), len(reports))
        return join_tables(tables)

    def _shard(
        self, reports: Sequence[Report], concepts: Sequence[Concept], cells: Cells | None
    ) -> AnnotationTable:
        path = self.directory / f"{self._digest(reports, concepts, cells)}.parquet"
        kept = read_shard(path, reports, [concept.id for concept in concepts])
        if kept is not None:
            return kept
        table = self.annotator.annotate(reports, concepts, cells=cells)
        self.directory.mkdir(parents=True, exist_ok=True)
        write_annotations(path, [table])
        return table

    def _digest(self, reports: Sequence[Report], concepts: Sequence[Concept], cells: Cells | None) -> str:
        total = hashlib.sha256(f"{self.annotator.name}\0{self.annotator.digest}".encode())
        asked = np.packbits(cells).tobytes() if cells is not None else b"all"
        texts = [text for report in reports for text in (report.id, report.text)]
        for text in (*texts, *(part for each in concepts for part in (each.id, each.question))):
            total.update(hashlib.sha256(text.encode()).digest())
        total.update(f"{len(reports)} {len(concepts)}".encode() + asked)
        return total.hexdigest()


def parts(number: int, size: int) -> Iterator[slice]:
    """Reports of each part."""
    for start in range(0, number, size):
        yield slice(start, start + size)


def read_shard(path: Path, reports: Sequence[Report], concept_ids: Sequence[str]) -> AnnotationTable | None:
    """A finished part; none where it is absent, damaged, or about other reports or concepts."""
    if not path.is_file():
        return None
    try:
        (table,) = read_annotations(path)
    except (KnowledgeError, ValueError):  # torn or foreign: the part is made anew
        return None
    fits = table.report_ids == tuple(report.id for report in reports) and table.concept_ids == tuple(
        concept_ids
    )
    return table if fits else None
