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
from knowledge.concepts import Concept, concept_id, ids_by_former_id
from models.images import ImageRecord
from pipelines.config import DataSet
from pipelines.run import Run
from pipelines.stages.language import open_language_model, require_reports_may_leave


def annotator(run: Run, name: str | None = None) -> Annotator:
    """Who reads the reports: the one configured, or another by name."""
    section = run.config.annotation
    if (name or section.annotator) == "rules":
        silence = Answer.NO if section.silence == "no" else Answer.UNKNOWN
        return RuleAnnotator(load_lexicon(*section.lexicon), silence=silence)
    from knowledge.annotation.language_model import LanguageModelAnnotator  # noqa: PLC0415

    require_reports_may_leave(run, grounding_datasets(run))
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
    """Answers of a data set's expert columns for the concepts that ask, or once asked, their questions."""
    by_question = answered_by_columns(dataset, concepts)
    columns = expert_columns(dataset, tuple(by_question))
    if not columns:
        return None
    attributes = {record.id: with_empty_cells(record, columns) for record in records}
    return expert_annotations(attributes, columns, concept_ids=by_question, dataset=dataset.name)


def answered_by_columns(dataset: DataSet, concepts: Sequence[Concept]) -> dict[str, str]:
    """Concept id by question of a column; one column a concept, that of its own wording first."""
    today = ids_by_former_id(concepts)
    asked = {item.question: concept_id(item.question) for item in dataset.expert_columns}
    found = {question: today[name] for question, name in asked.items() if name in today}
    own_first = sorted(found, key=lambda question: found[question] != asked[question])
    chosen = {found[question]: question for question in reversed(own_first)}
    return {question: name for question, name in found.items() if chosen[name] == question}


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
