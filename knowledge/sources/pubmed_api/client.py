"""Searching and fetching: each call ends with a checked answer or with one sentence."""

import http.client
import random
import urllib.request
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from knowledge.errors import NetworkError
from knowledge.sources.pubmed_api.answers import Found, Records, read_records, read_search
from knowledge.sources.pubmed_api.entrez import based, private_entrez
from knowledge.sources.pubmed_api.limiter import RateLimiter
from knowledge.sources.pubmed_api.retries import Backoff, Faulty, Retries, as_fault
from knowledge.sources.pubmed_api.settings import EntrezSettings
from knowledge.sources.pubmed_api.slicing import Slice
from knowledge.sources.pubmed_api.transport import paced_opener, read_answer

TOLERATED = 0.02  # share that may be absent for good, e.g. records withdrawn since the search
T = TypeVar("T")


class EntrezClient:
    """E-utilities for PubMed; safe to share between threads.

    Args:
        settings: Who asks, where, and how patiently.
        limiter: Shared with all others that ask from this machine.
        sleep: Waits between attempts, by default until the fetch is stopped; tests pass another.
        seed: Of the jitter; `None` differs between processes, as it should on a shared server.
    """

    def __init__(
        self,
        settings: EntrezSettings,
        limiter: RateLimiter,
        *,
        sleep: Callable[[float], object] | None = None,
        seed: int | None = None,
    ) -> None:
        jitter = random.Random(seed)  # noqa: S311 - spreads retries, guards nothing
        backoff = Backoff(settings.attempts, settings.longest_wait_s, jitter)
        self._settings = settings
        self._identity = {"tool": settings.tool, "email": settings.email, "api_key": settings.api_key}
        self._opener = paced_opener(limiter.slot)
        self._entrez = private_entrez(self._send)
        self.retries = Retries(backoff, limiter.pause, server=urlsplit(settings.base_url).netloc, sleep=sleep)

    def search(self, term: str, part: Slice, *, retmax: int, best_first: bool = False) -> Found:
        """How many records of the part fit the term, and the first `retmax` of them."""
        options: dict[str, Any] = {"term": part.term(term), "retmax": retmax, **part.dates()}
        if best_first:
            options["sort"] = "relevance"
        return self._as_full_as_possible(
            f"searching {part}",
            lambda: read_search(self._ask("esearch", **options)),
            lacking=lambda found: found.missing(retmax),
            wanted=lambda found: min(found.count, retmax),
        )

    def fetch(self, pmids: Sequence[str], *, doubtful: Collection[str] = ()) -> Records:
        """The records of the PMIDs; a few that stay absent, and the doubtful ones that do, are left out.

        Raises:
            NetworkError: No attempt gave a sound answer, or too much of the batch stays absent.
        """
        ids = ",".join(pmids)
        return self._as_full_as_possible(
            f"fetching {len(pmids)} records from PMID {pmids[0]}",
            lambda: read_records(self._ask("efetch", id=ids, retmode="xml"), pmids),
            lacking=lambda records: len(set(records.missing(pmids)) - set(doubtful)),
            wanted=lambda _: len(pmids),
        )

    def _as_full_as_possible(
        self, what: str, ask: Callable[[], T], *, lacking: Callable[[T], int], wanted: Callable[[T], int]
    ) -> T:
        """The first answer that lacks nothing, or the fullest where several agree that little is missing."""
        short: list[T] = []

        def attempt() -> T:
            answer = ask()
            if gap := lacking(answer):
                short.append(answer)
                raise Faulty(f"an answer without {gap} of {wanted(answer)} records")
            return answer

        try:
            return self.retries.run(what, attempt)
        except NetworkError:
            fullest = min(short, key=lacking, default=None)
            agreed = len(short) >= min(2, self._settings.attempts) and not self.retries.stopped
            if fullest is None or not agreed or lacking(fullest) > max(1, TOLERATED * wanted(fullest)):
                raise
            return fullest

    def _ask(self, utility: str, **options: Any) -> bytes:
        options = {"db": "pubmed", **self._identity, **options}
        answer: bytes = getattr(self._entrez, utility)(**options)
        return answer

    def _send(self, request: urllib.request.Request) -> bytes:
        settings = self._settings
        try:
            with self._opener.open(based(request, settings.base_url), timeout=settings.timeout_s) as response:
                return read_answer(response, longest_s=settings.answer_s)
        except (OSError, http.client.HTTPException) as error:
            raise as_fault(error, key_env=settings.api_key_env) from None
