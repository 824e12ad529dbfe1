"""Searching and fetching: each call ends with a checked answer or with one sentence."""

import http.client
import random
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from knowledge.errors import NetworkError
from knowledge.sources.pubmed_api.answers import Found, Records, read_records, read_search
from knowledge.sources.pubmed_api.entrez import based, private_entrez
from knowledge.sources.pubmed_api.limiter import RateLimiter
from knowledge.sources.pubmed_api.retries import Backoff, Faulty, Retries, as_fault
from knowledge.sources.pubmed_api.settings import EntrezSettings
from knowledge.sources.pubmed_api.slicing import Slice
from knowledge.sources.pubmed_api.transport import paced_opener, read_answer

TOLERATED = 0.02  # share of a batch that may be absent for good, e.g. records withdrawn since the search


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
        self._opener = paced_opener(limiter.wait)
        self._entrez = private_entrez(self._send)
        self.retries = Retries(backoff, limiter.pause, server=urlsplit(settings.base_url).netloc, sleep=sleep)

    def search(self, term: str, part: Slice, *, retmax: int, best_first: bool = False) -> Found:
        """How many records of the part fit the term, and the first `retmax` of them."""
        options: dict[str, Any] = {"term": part.term(term), "retmax": retmax, **part.dates()}
        if best_first:
            options["sort"] = "relevance"
        return self.retries.run(
            f"searching {part}", lambda: read_search(self._ask("esearch", **options), retmax=retmax)
        )

    def fetch(self, pmids: Sequence[str]) -> Records:
        """The records of the PMIDs; a few that stay absent after all attempts are left out.

        Raises:
            NetworkError: No attempt gave a sound answer, or too much of the batch stays absent.
        """
        fullest: list[Records] = []

        def ask() -> Records:
            answer = self._ask("efetch", id=",".join(pmids), retmode="xml")
            records = read_records(answer, pmids)
            if missing := records.missing(pmids):
                fullest[:] = [max([*fullest, records], key=lambda each: len(each.pmids))]
                raise Faulty(f"{len(missing)} of {len(pmids)} records missing, e.g. PMID {missing[0]}")
            return records

        try:
            return self.retries.run(f"fetching {len(pmids)} records from PMID {pmids[0]}", ask)
        except NetworkError:
            if fullest and len(fullest[0].missing(pmids)) <= max(1, TOLERATED * len(pmids)):
                return fullest[0]
            raise

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
