"""What annotators take and return, and their file."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from knowledge.concepts import Concept
from knowledge.errors import KnowledgeError

_NAMES = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("report_id", _NAMES),
        ("concept_id", _NAMES),
        ("answer", pa.int8()),
        ("probability", pa.float32()),
        ("annotator", _NAMES),
    ]
)

Progress = Callable[[int, int], None]
"""Called with (done, total) as work goes on."""
Cells = NDArray[np.bool_]
"""`(n, c)`: which concepts are asked of which reports."""


class Answer(IntEnum):
    """What a report says about a concept; the values are those of the Parquet column."""

    NO = 0
    YES = 1
    UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Report:
    """Free text that describes one image; never logged."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One answer.

    Attributes:
        report_id: The report read (or the image, for expert columns).
        concept_id: The concept asked.
        answer: YES, NO, or UNKNOWN where the report hedges.
        probability: Of YES, in [0, 1]; nan where the annotator was not asked.
        annotator: Name of who answered, e.g. `rules`, `language_model`, `expert:ph2`.
    """

    report_id: str
    concept_id: str
    answer: Answer
    probability: float
    annotator: str


@dataclass(frozen=True, slots=True)
class AnnotationTable:
    """All answers of one annotator.

    Attributes:
        report_ids: `(n,)`.
        concept_ids: `(c,)`.
        answer: `(n, c) int8` of `Answer` values.
        probability: `(n, c) float32`, of YES; nan, with the answer UNKNOWN, where nobody was asked.
        annotator: Who answered.
    """

    report_ids: tuple[str, ...]
    concept_ids: tuple[str, ...]
    answer: NDArray[np.int8]
    probability: NDArray[np.float32]
    annotator: str

    @property
    def asked(self) -> Cells:
        """`(n, c) bool`: cells with an answer, be it UNKNOWN."""
        return ~np.isnan(self.probability)

    def rows(self) -> Iterator[Annotation]:
        """One `Annotation` a cell, report by report."""
        for i, report_id in enumerate(self.report_ids):
            for j, concept_id in enumerate(self.concept_ids):
                yield Annotation(
                    report_id,
                    concept_id,
                    Answer(int(self.answer[i, j])),
                    float(self.probability[i, j]),
                    self.annotator,
                )


class Annotator(Protocol):
    """Answers every concept of every report.

    `digest` names everything that the answers depend on (rules, lexicon, model, prompt), so that
    results can be cached.
    """

    @property
    def name(self) -> str:
        """The `annotator` of its tables."""
        ...

    @property
    def digest(self) -> str:
        """Of everything that the answers depend on."""
        ...

    def annotate(
        self,
        reports: Sequence[Report],
        concepts: Sequence[Concept],
        *,
        cells: Cells | None = None,
        progress: Progress | None = None,
    ) -> AnnotationTable:
        """One answer per report and concept, in the order given; only of `cells` where they are named."""
        ...


def only(table: AnnotationTable, cells: Cells) -> AnnotationTable:
    """The table with every other cell marked as not asked."""
    return replace(
        table,
        answer=np.where(cells, table.answer, np.int8(Answer.UNKNOWN)),
        probability=np.where(cells, table.probability, np.float32(np.nan)),
    )


def join_tables(tables: Sequence[AnnotationTable]) -> AnnotationTable:
    """One table of the reports of several, which answer the same concepts by the same annotator."""
    return replace(
        tables[0],
        report_ids=tuple(report_id for table in tables for report_id in table.report_ids),
        answer=np.concatenate([table.answer for table in tables]),
        probability=np.concatenate([table.probability for table in tables]),
    )


def write_annotations(path: Path, tables: Sequence[AnnotationTable]) -> None:
    """Writes all cells to one Parquet file: a row group for each table, a row for each cell."""
    part = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with part.open("wb") as file:
        with pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
            for table in tables:
                writer.write_table(_rows(table), row_group_size=max(table.answer.size, 1))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_annotations(path: Path) -> list[AnnotationTable]:
    """Tables in the order written.

    Raises:
        KnowledgeError: The file is absent or is no annotation file.
    """
    try:
        with pq.ParquetFile(path) as file:
            return [_table(file.read_row_group(i)) for i in range(file.num_row_groups)]
    except (OSError, pa.ArrowException, KeyError) as error:
        raise KnowledgeError(
            f"{path} holds no annotations ({type(error).__name__}); run the annotation again"
        ) from error


def _rows(table: AnnotationTable) -> pa.Table:
    n, c = table.answer.shape
    cells = {
        "report_id": _encoded(np.repeat(np.arange(n, dtype=np.int32), c), table.report_ids),
        "concept_id": _encoded(np.tile(np.arange(c, dtype=np.int32), n), table.concept_ids),
        "answer": pa.array(table.answer.ravel()),
        "probability": pa.array(table.probability.ravel()),
        "annotator": _encoded(np.zeros(n * c, np.int32), (table.annotator,)),
    }
    return pa.table(cells, schema=_SCHEMA)


def _encoded(codes: NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))


def _table(rows: pa.Table) -> AnnotationTable:
    """The inverse of `_rows`: reports and concepts in order of first appearance."""
    report_ids, concept_ids, annotators = (
        tuple(rows[name].unique().to_pylist()) for name in ("report_id", "concept_id", "annotator")
    )
    shape = len(report_ids), len(concept_ids)
    return AnnotationTable(
        report_ids,
        concept_ids,
        rows["answer"].to_numpy().astype(np.int8).reshape(shape),
        rows["probability"].to_numpy().astype(np.float32).reshape(shape),
        annotators[0] if annotators else "",
    )
