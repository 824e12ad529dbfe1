"""What every report says of every concept."""

from knowledge.annotation.table import (
    AnnotationTable,
    write_annotations,
)
from knowledge.concepts import ConceptBank
from pipelines.errors import PipelineError
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.language import accounted
from pipelines.stages.reports import annotator, expert_table, grounding_datasets, reports_of


@accounted
def annotate(run: Run) -> None:
    """Every concept of every grounding image, by its report or by expert columns."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    table = read_images(run.path("images.parquet"))
    reports = reports_of(table.of(run.config.grounding.datasets))
    tables: list[AnnotationTable] = []
    if reports:
        progress = run.reporter.work("annotate", "concepts")
        tables.append(annotator(run).annotate(reports, list(bank), progress=progress))
    tables += [
        made
        for dataset in grounding_datasets(run)
        if (made := expert_table(dataset, table.of([dataset.name]), list(bank))) is not None
    ]
    if not tables:
        raise PipelineError(
            "the grounding data sets have neither reports nor expert columns; name them in the configuration"
        )
    write_annotations(run.path("annotations.parquet"), tables)
