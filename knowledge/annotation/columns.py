"""Annotations straight from the columns of a data set that experts filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.annotation.table import AnnotationTable, Answer
from knowledge.errors import KnowledgeError

EXPERT_PROBABILITY = {Answer.YES: 1.0, Answer.NO: 0.0, Answer.UNKNOWN: 0.5}
"""Of YES: an expert's entry is taken as it stands."""


@dataclass(frozen=True, slots=True)
class ExpertColumn:
    """How one column answers one concept.

    Attributes:
        column: Name of the attribute column.
        question: The question of the concept that it answers.
        yes: Levels that mean yes.
        no: Levels that mean no.
        unknown: Levels that say neither; an empty cell is always unknown.
    """

    column: str
    question: str
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def expert_annotations(
    attributes: Mapping[str, Mapping[str, str]],
    columns: Sequence[ExpertColumn],
    *,
    concept_ids: Mapping[str, str],
    dataset: str,
) -> AnnotationTable:
    """Answers by image, in the order given.

    Args:
        attributes: Column values by image id.
        columns: One for each concept to answer.
        concept_ids: Concept id by question.
        dataset: Names the annotator, `expert:<dataset>`.

    Raises:
        KnowledgeError: A column is absent, a level is not declared, or a question has no concept.
    """
    answer = np.empty((len(attributes), len(columns)), np.int8)
    for j, column in enumerate(columns):
        levels = _levels(column, dataset)
        for i, row in enumerate(attributes.values()):
            answer[i, j] = _answer(row, column, levels, dataset).value
    probability = np.vectorize(EXPERT_PROBABILITY.__getitem__, otypes=[np.float32])(answer)
    ids = tuple(_concept_id(column, concept_ids) for column in columns)
    return AnnotationTable(tuple(attributes), ids, answer, probability, f"expert:{dataset}")


def _levels(column: ExpertColumn, dataset: str) -> dict[str, Answer]:
    groups = ((Answer.YES, column.yes), (Answer.NO, column.no), (Answer.UNKNOWN, (*column.unknown, "")))
    levels: dict[str, Answer] = {}
    for meaning, names in groups:
        for name in names:
            if levels.setdefault(name, meaning) is not meaning:
                raise KnowledgeError(
                    f"the column {column.column!r} of {dataset} declares the level {name!r} twice; "
                    "keep one meaning"
                )
    return levels


def _answer(
    row: Mapping[str, str], column: ExpertColumn, levels: Mapping[str, Answer], dataset: str
) -> Answer:
    if column.column not in row:
        raise KnowledgeError(
            f"{dataset} has no column {column.column!r}; the columns are {', '.join(sorted(row))}"
        )
    level = row[column.column]
    if level not in levels:
        raise KnowledgeError(
            f"the column {column.column!r} of {dataset} holds the undeclared level {level!r}; "
            "name it under yes, no or unknown"
        )
    return levels[level]


def _concept_id(column: ExpertColumn, concept_ids: Mapping[str, str]) -> str:
    if column.question not in concept_ids:
        raise KnowledgeError(
            f"no concept asks {column.question!r}, which the column {column.column!r} answers"
        )
    return concept_ids[column.question]
