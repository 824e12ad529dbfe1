"""What the network has for the literature: fetched into folders that outlive the run, and listed in it."""

import logging
from pathlib import Path

from knowledge.sources.pubmed_api import EntrezSettings, PubmedQuery, entrez_limiter, fetch_pubmed
from knowledge.sources.pubmed_bulk import Fetching, complete_until, sync_bulk
from pipelines.config import BulkSource, QuerySource
from pipelines.digests import content_digest, listing_digest, value_digest
from pipelines.errors import PipelineError
from pipelines.fetched import Fetched, read_fetched, write_fetched
from pipelines.run import Run
from pipelines.weights import cache_directory

log = logging.getLogger("knobo")


def fetch(run: Run) -> None:
    """Bring every network source up to date; `fetched.json` changes only when a source did."""
    found = []
    for source in run.config.literature:
        if isinstance(source, QuerySource):
            found.append(fetch_query(run, source))
        elif isinstance(source, BulkSource):
            found.append(fetch_bulk(run, source))
    for each in found:
        for remark in each.remarks:
            log.warning("%s: %s", each.name, remark)
    write_fetched(run.path("fetched.json"), found)


def fetch_query(run: Run, source: QuerySource) -> Fetched:
    """Records of a query, and the day up to which they are complete."""
    settings = EntrezSettings(
        email=source.email,
        api_key_env=source.api_key_env,
        base_url=source.url,
        fresh_days=0,  # whether to ask is for the stage to say
    )
    report = fetch_pubmed(
        PubmedQuery(source.query, maximum=source.maximum, since=source.since),
        query_folder(source),
        settings=settings,
        limiter=entrez_limiter(cache_directory(), settings),
        progress=run.reporter.work(f"fetch {source.name}", "records"),
    )
    return Fetched(source.name, report.held, report.until, content_of(source), report.remarks())


def query_folder(source: QuerySource) -> Path:
    """Where the records of a query are kept, whichever run asks for them; each server has its own."""
    asked = [source.query, source.maximum, source.since, *source.other_server()]
    return cache_directory() / "pubmed" / value_digest(asked)[:16]


def content_of(source: QuerySource | BulkSource) -> str:
    """Digest of the records of a network source as they lie there now."""
    if isinstance(source, QuerySource):
        files = sorted(query_folder(source).rglob("*.xml.gz"))
        return value_digest([content_digest(file) for file in files])
    return listing_digest(bulk_files(source))


def bulk_files(source: BulkSource) -> list[Path]:
    """Files of the mirror, by name."""
    return sorted(source.path.glob("pubmed*.xml.gz"))


def refuse_other_records(run: Run, source: QuerySource | BulkSource) -> None:
    """The folders are shared: what lies there must be what `fetched.json` tells of.

    Raises:
        PipelineError: Another run fetched meanwhile, or the records were deleted.
    """
    fetched = {each.name: each.content for each in read_fetched(run.path("fetched.json"))}
    if fetched.get(source.name) != content_of(source):
        raise PipelineError(
            f"the records of {source.name} are not, or no longer, as this run fetched them; "
            "knobo refresh proposes what follows from what is there, knobo run --refresh takes it in at once"
        )


def fetch_bulk(run: Run, source: BulkSource) -> Fetched:
    """Files of the baseline and its updates: fetched where there is an address, else as they lie there."""
    remarks: tuple[str, ...] = ()
    if source.url:
        progress = run.reporter.work(f"fetch {source.name}", "files")
        fetching = Fetching(connections=source.connections)
        report = sync_bulk(source.url, source.path, fetching=fetching, progress=progress)
        if report.missing:
            numbers = ", ".join(map(str, report.missing[:5]))
            remarks = (f"the server lists no file number {numbers} of {report.year}",)
    held = len(bulk_files(source))
    return Fetched(source.name, held, complete_until(source.path), content_of(source), remarks)
