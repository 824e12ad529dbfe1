"""Every document of every source, cut into passages."""

from collections.abc import Iterator

from knowledge.passages import Document, Passage, chunk, write_passages
from knowledge.sources.markdown import read_markdown
from knowledge.sources.plain_text import read_plain_text
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records
from pipelines.config import LiteratureSource
from pipelines.errors import PipelineError
from pipelines.handbook import literature_path
from pipelines.run import Run


def gather(run: Run) -> None:
    """Every document of every source, cut into passages."""
    passages: list[Passage] = []
    progress = run.reporter.work("gather", "sources")
    for done, source in enumerate(run.config.literature, start=1):
        for document in read_source(source):
            passages += chunk(document, size=run.config.retrieval.passage_size)
        progress(done, len(run.config.literature))
    if not passages:
        raise PipelineError("the literature holds no passage; check the paths under [[literature]]")
    write_passages(run.path("passages.jsonl"), passages)


def read_source(source: LiteratureSource) -> Iterator[Document]:
    """Documents of one source by its kind."""
    path, name, license_ = literature_path(source.path), source.name, source.license
    match source.kind:
        case "pubmed_xml":
            return read_pubmed_xml(path, source=name, license=license_)
        case "markdown":
            return read_markdown(path, source=name, license=license_)
        case "text":
            return read_plain_text(path, source=name, license=license_)
        case "records":
            assert source.fields is not None, "the configuration demands it"
            given = source.fields
            fields = RecordFields(
                id=given.id,
                id_prefix=given.id_prefix,
                title=given.title,
                text=given.text,
                sections=given.sections,
                license=given.license,
            )
            return read_records(path, source=name, license=license_, fields=fields)
