"""Annotation kept concept by concept: a question asked in screening is not paid for again later."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from knowledge.annotation.shards import REPORTS_PER_SHARD, parts, read_shard
from knowledge.annotation.table import (
    AnnotationTable,
    Annotator,
    Answer,
    Cells,
    Progress,
    Report,
    join_tables,
    only,
    write_annotations,
)
from knowledge.concepts import Concept


class ConceptShards:
    """For an annotator that is dear by the cell: a file for each concept and part of the reports.

    A file holds every cell answered so far, so another choice of cells asks only those that are new.

    Args:
        annotator: Who answers.
        directory: Where answers lie; several runs and processes may share it.
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
        """One table of all parts; only cells without a kept answer are asked."""
        if not reports:
            return self._nothing(reports, concepts)
        wanted = np.ones((len(reports), len(concepts)), np.bool_) if cells is None else cells
        tables = []
        for part in parts(len(reports), self.size):
            tables.append(self._part(reports[part], concepts, wanted[part]))
            if progress is not None:
                progress(min(part.stop, len(reports)), len(reports))
        return join_tables(tables)

    def _part(self, reports: Sequence[Report], concepts: Sequence[Concept], wanted: Cells) -> AnnotationTable:
        table, folder = self._nothing(reports, concepts), self.directory / self._digest(reports)
        paths = [folder / f"{_digest(concept.id, concept.question)}.parquet" for concept in concepts]
        for j, (path, concept) in enumerate(zip(paths, concepts, strict=True)):
            kept = read_shard(path, reports, [concept.id])
            if kept is not None:
                table.answer[:, [j]], table.probability[:, [j]] = kept.answer, kept.probability
        missing = wanted & ~table.asked
        new = np.flatnonzero(missing.any(0)).tolist()
        if new:
            answered = self.annotator.annotate(
                reports, [concepts[j] for j in new], cells=np.ascontiguousarray(missing[:, new])
            )
            folder.mkdir(parents=True, exist_ok=True)
        for column, j in enumerate(new):
            rows = missing[:, j]
            table.answer[rows, j] = answered.answer[rows, column]
            table.probability[rows, j] = answered.probability[rows, column]
            write_annotations(paths[j], [_column(table, j)])
        return only(table, wanted)

    def _nothing(self, reports: Sequence[Report], concepts: Sequence[Concept]) -> AnnotationTable:
        shape = len(reports), len(concepts)
        return AnnotationTable(
            tuple(report.id for report in reports),
            tuple(concept.id for concept in concepts),
            np.full(shape, Answer.UNKNOWN, np.int8),
            np.full(shape, np.nan, np.float32),
            self.annotator.name,
        )

    def _digest(self, reports: Sequence[Report]) -> str:
        texts = [text for report in reports for text in (report.id, report.text)]
        return _digest(self.annotator.name, self.annotator.digest, *texts)


def _column(table: AnnotationTable, j: int) -> AnnotationTable:
    return replace(
        table,
        concept_ids=(table.concept_ids[j],),
        answer=table.answer[:, [j]],
        probability=table.probability[:, [j]],
    )


def _digest(*texts: str) -> str:
    total = hashlib.sha256()
    for text in texts:
        total.update(hashlib.sha256(text.encode()).digest())
    return total.hexdigest()
