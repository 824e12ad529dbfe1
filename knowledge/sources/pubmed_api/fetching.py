"""A PubMed query into a folder of XML files: whole the first time, then only what is new."""

import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from knowledge.sources.pubmed_api.batches import Batch, batches, fetch_batches, outstanding
from knowledge.sources.pubmed_api.client import EntrezClient
from knowledge.sources.pubmed_api.folder import Plan, QueryFolder, Run
from knowledge.sources.pubmed_api.ledger import Listing, Spent
from knowledge.sources.pubmed_api.limiter import RateLimiter
from knowledge.sources.pubmed_api.listing import Searches, list_pmids
from knowledge.sources.pubmed_api.report import FetchReport, RunSummary
from knowledge.sources.pubmed_api.settings import WINDOW, EntrezSettings, PubmedQuery

Progress = Callable[[int, int], None]


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def fetch_pubmed(
    query: PubmedQuery,
    directory: Path,
    *,
    settings: EntrezSettings,
    limiter: RateLimiter,
    progress: Progress | None = None,
    now: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], object] | None = None,
    window: int = WINDOW,
) -> FetchReport:
    """Bring the folder up to date with the query.

    A first call fetches all; a call after an interruption goes on where it was; a later call asks only for
    records that entered PubMed, or were changed or retracted there, since the last complete run, some days
    overlapping, in files that sort behind
    the older ones: `read_pubmed_xml(directory, ...)` lets the newest record of a PMID win.

    Args:
        query: What is wanted; a folder belongs to one query.
        directory: Where the files lie.
        settings: Who asks, where, and how patiently.
        limiter: Shared with all others that ask from this machine: `entrez_limiter(cache, settings)`.
        progress: Called with (done, total) records of this run.
        now: The clock; tests pass another.
        sleep: Waits between attempts; tests pass another.
        window: Records that one search lists at most.

    Raises:
        KnowledgeError: PubMed finds nothing, or refuses.
        NetworkError: It cannot be reached or keeps failing; what is stored stays, and a later call goes on.
    """
    folder = QueryFolder(directory, query)
    with folder.held():
        client = EntrezClient(settings, limiter, sleep=sleep)
        fetch = _Fetch(folder, client, settings, progress, now, window)
        return fetch.report()


@dataclass(slots=True)
class _Fetch:
    """One call, with what all its steps need."""

    _folder: QueryFolder
    _client: EntrezClient
    _settings: EntrezSettings
    _progress: Progress | None
    _now: Callable[[], datetime]
    _window: int
    _counted: Spent = field(default_factory=Spent)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> FetchReport:
        """Repair, finish or begin what is due, and tell."""
        summaries, total = self._folder.summaries()
        runs = self._folder.runs()
        held, retracted = set[str](), set[str]()
        for run in runs[: len(summaries)]:
            listing, got = self._complete(run, held, retracted)
            held |= got
            retracted |= set(listing.retracted)
        if len(runs) > len(summaries) or self._is_due(summaries):
            run = runs[-1] if len(runs) > len(summaries) else self._folder.begin(self._plan(summaries, runs))
            listing, got = self._complete(run, held, retracted)
            held |= got
            total = listing.total
            summaries = (*summaries, self._summary(run, listing, got))
            self._folder.save(summaries, total=total, held=len(held))
        asked = self._client.retries.requests
        return FetchReport(self._folder.path, self._folder.query, summaries, total, len(held), asked)

    def _is_due(self, summaries: tuple[RunSummary, ...]) -> bool:
        if not summaries:
            return True
        age = self._now() - datetime.fromisoformat(summaries[-1].started)
        return age >= timedelta(days=self._settings.fresh_days)

    def _plan(self, summaries: tuple[RunSummary, ...], runs: list[Run]) -> Plan:
        started = self._now()
        first = self._folder.query.since
        again: tuple[str, ...] = ()
        if summaries:
            since = datetime.fromisoformat(summaries[-1].started).date() - timedelta(
                self._settings.overlap_days
            )
            first = max(since, first or since)
            again = tuple(p for entry in runs[-1].ledger.batches.values() for p in entry.missing)
        last = started.date() + timedelta(1)  # it may be tomorrow where PubMed is kept
        return Plan(len(summaries) + 1, first, last, started, self._settings.batch, again)

    def _complete(
        self, run: Run, held: AbstractSet[str], retracted: AbstractSet[str]
    ) -> tuple[Listing, set[str]]:
        """The listing of the run and the PMIDs that its files hold."""
        searches = Searches(self._client, self._folder.query, run, self._spent, self._window)
        listing = list_pmids(searches, held, retracted)
        wanted = batches(listing.pmids, run.plan.batch)
        missing = outstanding(run, wanted)
        self._fetch(run, missing, len(listing.pmids))
        absent = {pmid for entry in run.ledger.batches.values() for pmid in entry.missing}
        return listing, set(listing.pmids) - absent

    def _fetch(self, run: Run, missing: list[Batch], total: int) -> None:
        done = total - sum(len(batch.pmids) for batch in missing)

        def stored(batch: Batch) -> None:
            nonlocal done
            with self._lock:
                done += len(batch.pmids)
                if self._progress:
                    self._progress(done, total)

        if self._progress:
            self._progress(done, total)
        workers = self._settings.workers
        fetch_batches(self._client, run, missing, self._spent, workers=workers, stored=stored)

    def _summary(self, run: Run, listing: Listing, got: set[str]) -> RunSummary:
        spent = run.ledger.spent + self._spent()
        plan = run.plan
        return RunSummary(
            number=plan.number,
            first="" if plan.first is None else plan.first.isoformat(),
            last=plan.last.isoformat(),
            started=plan.started.isoformat(),
            finished=self._now().isoformat(),
            hits=listing.hits,
            listed=listing.listed,
            slices=listing.slices,
            records=len(got),
            gone=listing.gone,
            missing=tuple(sorted(set(listing.pmids) - got, key=int)),
            ignored=listing.ignored,
            requests=spent.requests,
            repeated=spent.repeated,
        )

    def _spent(self) -> Spent:
        """Requests since the last look."""
        retries = self._client.retries
        with self._lock:
            now = Spent(retries.requests, retries.repeated)
            new, self._counted = now - self._counted, now
            return new
