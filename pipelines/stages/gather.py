"""Every document of every source, cut into passages."""

import logging
from collections.abc import Callable, Iterator

from knowledge.passages import Document, Passage, chunk, write_passages
from knowledge.sources.epub import read_epub
from knowledge.sources.html import read_html
from knowledge.sources.left_out import BROKEN, NAMED, NOTICES, WITHOUT_TEXT, LeftOut, told
from knowledge.sources.markdown import read_markdown
from knowledge.sources.pdf import read_pdf
from knowledge.sources.plain_text import read_plain_text
from knowledge.sources.pmc_nxml import read_pmc_nxml
from knowledge.sources.pubmed_bulk import BulkReading, BulkReport, Selection, read_bulk
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records
from pipelines.config import BulkSource, FileSource, LiteratureSource, QuerySource, RecordSource
from pipelines.errors import PipelineError
from pipelines.gathered import Gathered, write_gathered
from pipelines.handbook import literature_path
from pipelines.run import Run
from pipelines.stages.fetch import query_folder, refuse_other_records

READERS = {
    "epub": read_epub,
    "html": read_html,
    "markdown": read_markdown,
    "pdf": read_pdf,
    "pmc_nxml": read_pmc_nxml,
    "pubmed_xml": read_pubmed_xml,
    "text": read_plain_text,
}
"""Readers of a file or folder, by kind."""

log = logging.getLogger("knobo")


def gather(run: Run) -> None:
    """Every document of every source, one after the other: never more than one of them in memory."""
    found: list[Gathered] = []
    path = run.path("passages.jsonl")
    write_passages(path, all_passages(run, found))
    if path.stat().st_size == 0:
        path.unlink()
        raise PipelineError("the literature holds no passage; check the paths under [[literature]]")
    write_gathered(run.path("gathered.json"), found)


def all_passages(run: Run, found: list[Gathered]) -> Iterator[Passage]:
    """Passages of all sources, in the order of the configuration; `found` gets one entry a source."""
    progress = run.reporter.work("gather", "sources")
    for done, source in enumerate(run.config.literature, start=1):
        if isinstance(source, QuerySource | BulkSource):
            refuse_other_records(run, source)
        left_out = LeftOut()
        documents = read_source(source, left_out, run.reporter.work(f"gather {source.name}", "files"))
        read = cut = retracted = 0
        for document in documents:
            passages = chunk(document, size=run.config.retrieval.passage_size)
            yield from passages
            read, cut, retracted = read + 1, cut + len(passages), retracted + document.retracted
        remarks = left_out.sentences()
        if isinstance(documents, BulkReading):
            remarks += bulk_remarks(documents.report)
        for remark in remarks:
            log.warning("%s: %s", source.name, remark)
        found.append(Gathered(source.name, read, cut, retracted, remarks))
        progress(done, len(run.config.literature))


def read_source(
    source: LiteratureSource, left_out: LeftOut, progress: Callable[[int, int], None]
) -> Iterator[Document]:
    """Documents of one source by its kind."""
    match source:
        case FileSource():
            path = literature_path(source.path)
            read = READERS[source.kind]
            return read(path, source=source.name, license=source.license, left_out=left_out)
        case RecordSource():
            return records(source, left_out)
        case QuerySource():
            folder = query_folder(source)
            return read_pubmed_xml(folder, source=source.name, license=source.license, left_out=left_out)
        case BulkSource():
            return read_bulk(
                source.path,
                source=source.name,
                license=source.license,
                selection=Selection(words=source.words, mesh=source.mesh),
                workers=source.workers,
                progress=progress,
            )


def records(source: RecordSource, left_out: LeftOut) -> Iterator[Document]:
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
        literature_path(source.path),
        source=source.name,
        license=source.license,
        fields=fields,
        left_out=left_out,
    )


def bulk_remarks(report: BulkReport) -> tuple[str, ...]:
    """What a reader of PubMed in bulk must know: nothing is left out silently."""
    counts = (
        (BROKEN, report.bad_records, report.bad),
        ("PMIDs that are gone though no file withdraws them", report.vanished, report.vanished_named),
        (NOTICES, report.notices, ()),
        (WITHOUT_TEXT, report.without_text, ()),
        ("records with none of the words and headings asked for", report.unselected, ()),
        ("files of other years, not read", len(report.ignored), report.ignored),
    )
    return (*report.damaged, *(told(kind, count, named[:NAMED]) for kind, count, named in counts if count))
