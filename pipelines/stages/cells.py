"""Which cells an annotator is asked, and where its answers are kept: alike in screening and annotation."""

from collections.abc import Sequence

from knowledge.annotation.concept_shards import ConceptShards
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.sampling import CellSampling, ReportSentences, sample_cells
from knowledge.annotation.shards import Shards
from knowledge.annotation.table import Annotator, Cells, Report
from knowledge.concepts import Concept
from pipelines.run import Run
from pipelines.stages.index import question_encoder
from pipelines.weights import cache_directory


def sentences_of(run: Run, reports: Sequence[Report]) -> ReportSentences | None:
    """What questions are compared with; none where every report is asked."""
    section = run.config.annotation
    if not reports or not (section.nearest or section.random):
        return None
    return ReportSentences(reports, question_encoder(run), progress=run.reporter.work("compare", "sentences"))


def cells_to_ask(run: Run, sentences: ReportSentences | None, concepts: Sequence[Concept]) -> Cells | None:
    """Which concepts are asked of which reports; none stands for all."""
    if sentences is None:
        return None
    section = run.config.annotation
    how = CellSampling(nearest=section.nearest, random=section.random, seed=run.config.seed)
    return sample_cells(sentences.similarities(concepts), concepts, how)


def kept_answers(reader: Annotator) -> Shards | ConceptShards:
    """The annotator with its answers kept: by shard where it is fast, by concept where a cell is dear."""
    folder = cache_directory() / "annotations"
    return Shards(reader, folder) if isinstance(reader, RuleAnnotator) else ConceptShards(reader, folder)
