"""What reports and experts say of the concepts in images that a split reports on.

Read after the fact, to see what true answers would have been worth: they train nothing and choose nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from knowledge.annotation.table import AnnotationTable
from knowledge.concepts import Concept
from models.images import ImageRecord
from pipelines.config import DataSet
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.cells import kept_answers
from pipelines.stages.ground import answer_matrix
from pipelines.stages.language import require_reports_may_leave
from pipelines.stages.reports import annotator, expert_table, reports_of


def known_answers(run: Run, ids: Sequence[str], concepts: Sequence[Concept]) -> NDArray[np.float32]:
    """Probability of yes `(n, c)`; nan where neither a report nor an expert says."""
    images = read_images(run.path("images.parquet"))
    asked = set(ids)
    by_dataset = [
        (dataset, records)
        for dataset in run.config.datasets
        if (records := [each for each in images.of([dataset.name]) if each.id in asked])
    ]
    order, answers = answer_matrix(ids, answer_tables(run, by_dataset, concepts))
    found = np.full((len(ids), len(concepts)), np.nan, np.float32)
    for column, concept in enumerate(concepts):
        if concept.id in order:
            found[:, column] = answers[:, order.index(concept.id)]
    return found


def answer_tables(
    run: Run, by_dataset: Sequence[tuple[DataSet, list[ImageRecord]]], concepts: Sequence[Concept]
) -> list[AnnotationTable]:
    """Of the reports, read as those of the grounding images were, then of expert columns."""
    tables = []
    reports = reports_of([record for _, records in by_dataset for record in records])
    if reports:
        if run.config.annotation.annotator != "rules":
            require_reports_may_leave(run, [dataset for dataset, _ in by_dataset])
        tables.append(kept_answers(annotator(run)).annotate(reports, concepts))
    made = [expert_table(dataset, records, concepts) for dataset, records in by_dataset]
    return [*tables, *(table for table in made if table is not None)]
