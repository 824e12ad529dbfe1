"""The reports of the grounding images, and who reads them."""

from collections.abc import Sequence

from knowledge.annotation.columns import ExpertColumn, expert_annotations
from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.table import (
    AnnotationTable,
    Annotator,
    Answer,
    Report,
)
from knowledge.concepts import Concept
from models.images import ImageRecord
from pipelines.config import DataSet
from pipelines.run import Run
from pipelines.stages.language import open_language_model


def annotator(run: Run) -> Annotator:
    """Who reads the reports."""
    section = run.config.annotation
    if section.annotator == "rules":
        silence = Answer.NO if section.silence == "no" else Answer.UNKNOWN
        return RuleAnnotator(load_lexicon(*section.lexicon), silence=silence)
    from knowledge.annotation.language_model import LanguageModelAnnotator  # noqa: PLC0415

    return LanguageModelAnnotator(open_language_model(run))


def reports_of(records: Sequence[ImageRecord]) -> list[Report]:
    """Reports of images that have one, by image id."""
    return [Report(record.id, record.report) for record in records if record.report]


def grounding_datasets(run: Run) -> list[DataSet]:
    """In the order of the configuration."""
    return [dataset for dataset in run.config.datasets if dataset.name in run.config.grounding.datasets]


def expert_table(
    dataset: DataSet, records: Sequence[ImageRecord], concepts: Sequence[Concept]
) -> AnnotationTable | None:
    """Answers of a data set's expert columns for the concepts that asked their questions."""
    by_question = {concept.question: concept.id for concept in concepts}
    columns = expert_columns(dataset, tuple(by_question))
    if not columns:
        return None
    attributes = {record.id: with_empty_cells(record, columns) for record in records}
    return expert_annotations(attributes, columns, concept_ids=by_question, dataset=dataset.name)


def expert_columns(dataset: DataSet, questions: Sequence[str]) -> list[ExpertColumn]:
    """Columns whose question is among those asked."""
    return [
        ExpertColumn(item.column, item.question, yes=item.yes, no=item.no, unknown=item.unknown)
        for item in dataset.expert_columns
        if item.question in questions
    ]


def with_empty_cells(record: ImageRecord, columns: Sequence[ExpertColumn]) -> dict[str, str]:
    """The columns' cells; an image record leaves empty ones out."""
    return {column.column: record.attributes.get(column.column, "") for column in columns}
