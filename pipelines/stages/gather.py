"""Every document of every source, cut into passages."""

from collections.abc import Iterator

from knowledge.passages import Document, Passage, chunk, write_passages
from knowledge.sources.markdown import read_markdown
from knowledge.sources.plain_text import read_plain_text
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records
from pipelines.config import BulkSource, FileSource, LiteratureSource, QuerySource, RecordSource
from pipelines.errors import PipelineError
from pipelines.handbook import literature_path
from pipelines.run import Run
from pipelines.stages.fetch import query_folder

READERS = {
    "markdown": read_markdown,
    "text": read_plain_text,
    "pubmed_xml": read_pubmed_xml,
}
"""Readers of a file or folder, by kind."""


def gather(run: Run) -> None:
    """Every document of every source, one after the other: never more than one of them in memory."""
    path = run.path("passages.jsonl")
    write_passages(path, all_passages(run))
    if path.stat().st_size == 0:
        path.unlink()
        raise PipelineError("the literature holds no passage; check the paths under [[literature]]")


def all_passages(run: Run) -> Iterator[Passage]:
    """Passages of all sources, in the order of the configuration."""
    progress = run.reporter.work("gather", "sources")
    for done, source in enumerate(run.config.literature, start=1):
        for document in read_source(source):
            yield from chunk(document, size=run.config.retrieval.passage_size)
        progress(done, len(run.config.literature))


def read_source(source: LiteratureSource) -> Iterator[Document]:
    """Documents of one source by its kind."""
    match source:
        case FileSource():
            read = READERS[source.kind]
            return read(literature_path(source.path), source=source.name, license=source.license)
        case RecordSource():
            return records(source)
        case QuerySource():
            return read_pubmed_xml(query_folder(source), source=source.name, license=source.license)
        case BulkSource():
            raise NotImplementedError(source.kind)


def records(source: RecordSource) -> Iterator[Document]:
    """JSON Lines or CSV, with the columns that the configuration names."""
    given = source.fields
    fields = RecordFields(
        id=given.id,
        id_prefix=given.id_prefix,
        title=given.title,
        text=given.text,
        sections=given.sections,
        license=given.license,
    )
    return read_records(
        literature_path(source.path), source=source.name, license=source.license, fields=fields
    )
