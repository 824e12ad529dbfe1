"""Annotation in parts that are kept as they are finished, so that a killed run goes on where it was."""

import hashlib
import json
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
from knowledge.atomic import write_text
from knowledge.concepts import Concept
from knowledge.errors import KnowledgeError

REPORTS_PER_SHARD = 500


class Shards:
    """Annotations of one annotator, kept by content: reports, questions and everything the answers rest on.

    The annotator answers each concept by itself, so that a bank that has grown asks only what is new.

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
        self.directory.mkdir(parents=True, exist_ok=True)
        if cells is None:
            table = self._completed(reports, concepts)
            write_annotations(path, [table])
            self._remember(reports, concepts, path)
        else:
            table = self.annotator.annotate(reports, concepts, cells=cells)
            write_annotations(path, [table])
        return table

    def _completed(self, reports: Sequence[Report], concepts: Sequence[Concept]) -> AnnotationTable:
        """Answers to all concepts; those that the last bank asked of these reports are taken from there."""
        before = self._last(reports)
        known = before[1] if before else {}
        new = [concept for concept in concepts if known.get(concept.id) != concept.question]
        if before is None or len(new) == len(concepts):
            return self.annotator.annotate(reports, concepts)
        tables = [before[0]] + ([self.annotator.annotate(reports, new)] if new else [])
        fresh = {concept.id for concept in new}
        place = {
            name: (table, column)
            for table, ids in zip(tables, (known.keys() - fresh, fresh), strict=False)
            for column, name in enumerate(table.concept_ids)
            if name in ids
        }
        columns = [place[concept.id] for concept in concepts]
        return AnnotationTable(
            tuple(report.id for report in reports),
            tuple(concept.id for concept in concepts),
            np.stack([table.answer[:, column] for table, column in columns], axis=1),
            np.stack([table.probability[:, column] for table, column in columns], axis=1),
            self.annotator.name,
        )

    def _last(self, reports: Sequence[Report]) -> tuple[AnnotationTable, dict[str, str]] | None:
        """The last finished part of these reports, and its questions by concept; none where it is damaged."""
        try:
            row = json.loads(self._note(reports).read_text(encoding="utf-8"))
            questions = {str(name): str(question) for name, question in row["questions"]}
            table = read_shard(self.directory / str(row["shard"]), reports, tuple(questions))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None if table is None else (table, questions)

    def _remember(self, reports: Sequence[Report], concepts: Sequence[Concept], path: Path) -> None:
        questions = [[concept.id, concept.question] for concept in concepts]
        text = json.dumps({"shard": path.name, "questions": questions}, ensure_ascii=False)
        write_text(self._note(reports), text + "\n")

    def _note(self, reports: Sequence[Report]) -> Path:
        return self.directory / f"{self._digest(reports, (), None)}.json"

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
