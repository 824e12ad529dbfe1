"""What every report says of every concept."""

import random
from collections.abc import Sequence

from knowledge.annotation.agreement import agreements, save_agreements
from knowledge.annotation.shards import parts as shards_of
from knowledge.annotation.table import AnnotationTable, Annotator, Cells, Report, write_annotations
from knowledge.concepts import Concept, ConceptBank
from pipelines.bank_artifacts import AGREEMENT
from pipelines.errors import PipelineError
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.cells import cells_to_ask, kept_answers, sentences_of
from pipelines.stages.language import accounted
from pipelines.stages.reports import annotator, expert_table, grounding_datasets, reports_of


@accounted
def annotate(run: Run) -> None:
    """Every concept of every grounding image, by its report or by expert columns."""
    concepts = list(ConceptBank.load(run.path("concepts.jsonl")))
    tables = answers_to(run, concepts)
    compare(run, tables, grounding_reports(run), concepts)
    write_annotations(run.path("annotations.parquet"), tables)


def grounding_reports(run: Run) -> list[Report]:
    """Reports of the grounding images."""
    return reports_of(read_images(run.path("images.parquet")).of(run.config.grounding.datasets))


def answers_to(run: Run, concepts: Sequence[Concept]) -> list[AnnotationTable]:
    """Answers of the reports, then a table for each data set whose expert columns ask for some of them."""
    images = read_images(run.path("images.parquet"))
    reports = grounding_reports(run)
    tables: list[AnnotationTable] = []
    if reports:
        cells = cells_to_ask(run, sentences_of(run, reports), concepts)
        tables.append(read(run, annotator(run), reports, concepts, cells=cells))
    tables += [
        made
        for dataset in grounding_datasets(run)
        if (made := expert_table(dataset, images.of([dataset.name]), concepts)) is not None
    ]
    if not tables:
        raise PipelineError(
            "the grounding data sets have neither reports nor expert columns; name them in the configuration"
        )
    return tables


def annotate_part(run: Run, part: int, parts: int) -> None:
    """Every `parts`-th shard of the reports into the cache, ahead of `annotate`."""
    concepts = list(ConceptBank.load(run.path("concepts.jsonl")))
    reports = reports_of(read_images(run.path("images.parquet")).of(run.config.grounding.datasets))
    if not reports:
        return
    cells, reader = cells_to_ask(run, sentences_of(run, reports), concepts), kept_answers(annotator(run))
    for shard in list(shards_of(len(reports), reader.size))[part::parts]:
        reader.annotate(reports[shard], concepts, cells=None if cells is None else cells[shard])


def read(
    run: Run,
    reader: Annotator,
    reports: Sequence[Report],
    concepts: Sequence[Concept],
    *,
    cells: Cells | None,
) -> AnnotationTable:
    """Answers of one annotator; those of finished shards are taken from the cache."""
    return kept_answers(reader).annotate(
        reports, concepts, cells=cells, progress=run.reporter.work("annotate", "reports")
    )


def compare(
    run: Run, tables: Sequence[AnnotationTable], reports: Sequence[Report], concepts: Sequence[Concept]
) -> None:
    """Lets further annotators read some of the reports, and keeps how far all agree."""
    section = run.config.annotation
    others = [name for name in section.compare_with if name != section.annotator]
    chosen = random.Random(run.config.seed).sample(  # noqa: S311 # no secret
        reports, min(len(reports), section.compare_reports)
    )
    further = [read(run, annotator(run, name), chosen, concepts, cells=None) for name in others if chosen]
    rows = agreements([*tables, *further], seed=run.config.seed)
    save_agreements(rows, run.path(AGREEMENT), reports=len(chosen) if further else 0)
