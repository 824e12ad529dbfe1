"""Plays E-utilities for PubMed over a real socket: esearch and efetch as documented, and their faults."""

import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

WINDOW = 9_999
HEAD = (
    '<?xml version="1.0" ?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n<PubmedArticleSet>\n'
)
SEARCH_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n'
    '<!DOCTYPE eSearchResult PUBLIC "-//NLM//DTD esearch 20060628//EN" '
    '"https://eutils.ncbi.nlm.nih.gov/eutils/dtd/20060628/esearch.dtd">\n'
)
TOO_FAR = (
    "Search Backend failed: Exception:\n'retstart' cannot be larger than 9998. For PubMed, ESearch can only "
    "retrieve the first 9,999 records matching the query."
)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived.

    Attributes:
        at: When, in seconds of the monotonic clock.
        utility: `esearch` or `efetch`.
        method: `GET` or `POST`.
        parameters: First value of each.
    """

    at: float
    utility: str
    method: str
    parameters: Mapping[str, str]

    @property
    def pmids(self) -> tuple[str, ...]:
        return tuple(self.parameters.get("id", "").split(","))


@dataclass(frozen=True)
class Answer:
    """What goes over the wire.

    Attributes:
        content: The body.
        status: HTTP status.
        kind: Content type.
        headers: Others.
        promised: Length in the header where it is not that of the body.
        delay_s: Silence before it.
        trickle_s: Time between two bytes.
    """

    content: bytes
    status: int = 200
    kind: str = "text/xml; charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    delay_s: float = 0.0
    trickle_s: float = 0.0


Fault = Callable[[Answer], Answer]


def too_many(_: Answer, *, retry_after: str = "2") -> Answer:
    body = json.dumps(
        {"error": "API rate limit exceeded", "api-key": "203.0.113.7", "count": "4", "limit": "3"}
    )
    headers = {"Retry-After": retry_after, "X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "0"}
    return Answer(body.encode(), 429, "application/json", headers)


def status(code: int) -> Fault:
    return lambda _: Answer(b"<html><body>Something went wrong</body></html>", code, "text/html")


def cut(answer: Answer) -> Answer:
    """The connection ends in the middle, and the length says so."""
    half = answer.content[: len(answer.content) * 2 // 3]
    return Answer(half, promised=len(answer.content))


def truncated(answer: Answer) -> Answer:
    """Only the XML shows that something is missing."""
    return Answer(answer.content[: len(answer.content) * 2 // 3])


def error_element(answer: Answer) -> Answer:
    name = b"eSearchResult" if b"<eSearchResult>" in answer.content else b"eFetchResult"
    return Answer(
        b'<?xml version="1.0"?>\n<%b><ERROR>Unable to obtain query #1</ERROR></%b>\n' % (name, name)
    )


def json_error(_: Answer) -> Answer:
    return Answer(b'{"error":"error forwarding request","api-key":"203.0.113.7"}', kind="application/json")


def html_page(_: Answer) -> Answer:
    return Answer(b"<!DOCTYPE html><html><p>NCBI is under maintenance<br></html>", kind="text/html")


def empty(_: Answer) -> Answer:
    return Answer(b"")


def short(answer: Answer) -> Answer:
    """One record, or one listed PMID, is left out."""
    for pattern in (rb"<PubmedArticle>.*?</PubmedArticle>\n?", rb"<Id>\d+</Id>\n?"):
        if re.search(pattern, answer.content, re.DOTALL):
            return Answer(re.sub(pattern, b"", answer.content, count=1, flags=re.DOTALL))
    return answer


def stranger(answer: Answer) -> Answer:
    """A record that nobody asked for."""
    return Answer(
        answer.content.replace(b"</PubmedArticleSet>", article(77_777_777).encode() + b"</PubmedArticleSet>")
    )


def slow(seconds: float) -> Fault:
    return lambda answer: Answer(answer.content, delay_s=seconds)


def article(pmid: int, *, version: str = "", retracted: bool = False) -> str:
    """A minimal record of any PMID."""
    kinds = (
        "<PublicationTypeList><PublicationType>Retracted Publication</PublicationType></PublicationTypeList>"
    )
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">{pmid}</PMID>'
        f"<Article><ArticleTitle>Record {pmid}.</ArticleTitle><Abstract><AbstractText>Findings of study "
        f"{pmid}{version}.</AbstractText></Abstract>{kinds if retracted else ''}</Article></MedlineCitation>"
        "</PubmedArticle>\n"
    )


def uneven_dates(count: int, *, busy: int, first_pmid: int = 1_000_000) -> dict[int, date]:
    """PMIDs with their Entrez dates: `busy` of them on one single day, the others ever denser in time."""
    day = date(2015, 1, 1)
    dates = {first_pmid + 7 * n: day for n in range(busy)}
    for n in range(count - busy):
        age = int((n / (count - busy)) ** 3 * 20_000)
        dates[first_pmid + 7 * (busy + n)] = date(2020, 6, 30) - timedelta(age)
    return dates


@dataclass
class Eutils:
    """The data base behind the socket, and what was asked of it.

    Attributes:
        dates: Entrez date of each PMID that the query finds.
        records: Real records; others are made up when asked for.
        faults: Used up one a request, first for the next.
        allowed: Requests a second before HTTP 429; `None` for no limit.
        unknown: Phrase that PubMed does not know.
        version: Goes into every made-up record.
        absent: PMIDs that searches list and efetch does not give.
        changed: Date of the last change of those that were changed.
        retracted: PMIDs of retracted articles.
        asked: All requests in order of arrival.
        refused: How many were answered 429.
        hold_after: So many efetch requests are answered, the next waits for `release`.
        holding: Set once one waits.
        release: Set to let it go.
        url: Where it is reached.
    """

    dates: dict[int, date]
    records: dict[int, str] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    allowed: int | None = None
    unknown: str = ""
    version: str = ""
    absent: set[int] = field(default_factory=set)
    changed: dict[int, date] = field(default_factory=dict)
    retracted: set[int] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    refused: int = 0
    hold_after: int | None = None
    holding: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, utility: str) -> list[Asked]:
        with self._lock:
            return [each for each in self.asked if each.utility == utility]

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            recent = [each for each in self.asked if asked.at - each.at < 1.0]
            fault = self.faults.popleft() if self.faults else None
            fetches = sum(each.utility == "efetch" for each in self.asked)
        if self.hold_after is not None and asked.utility == "efetch" and fetches > self.hold_after:
            self.holding.set()
            self.release.wait(30)
        if self.allowed is not None and len(recent) > self.allowed:
            self.refused += 1
            return too_many(Answer(b""))
        parts = {"esearch": self.search, "efetch": self.fetch}
        if asked.utility not in parts:
            return Answer(b"not found", 404, "text/plain")
        if "email" not in asked.parameters or "tool" not in asked.parameters:
            return Answer(b'{"error":"no identity"}', 400, "application/json")
        if asked.parameters.get("api_key") == "expired":
            return Answer(b'{"error":"API key invalid","api-key":"expired"}', 400, "application/json")
        right = parts[asked.utility](asked.parameters)
        return fault(right) if fault else right

    def search(self, parameters: Mapping[str, str]) -> Answer:
        start, most = int(parameters.get("retstart", 0)), min(int(parameters.get("retmax", 20)), WINDOW)
        if start >= WINDOW:
            return Answer(f"{SEARCH_HEAD}<eSearchResult><ERROR>{TOO_FAR}</ERROR></eSearchResult>".encode())
        found = sorted(self._matching(parameters), reverse=True)
        ids = "\n".join(f"<Id>{pmid}</Id>" for pmid in found[start : start + most])
        errors = self.unknown and f"<ErrorList><PhraseNotFound>{self.unknown}</PhraseNotFound></ErrorList>"
        body = (
            f"<eSearchResult><Count>{len(found)}</Count><RetMax>{most}</RetMax><RetStart>{start}</RetStart>"
            f"<IdList>\n{ids}\n</IdList><TranslationSet/><QueryTranslation>x[All Fields]</QueryTranslation>"
            f"{errors}</eSearchResult>\n"
        )
        return Answer((SEARCH_HEAD + body).encode())

    def _matching(self, parameters: Mapping[str, str]) -> Iterator[int]:
        if "nothing" in parameters["term"]:
            return
        low, high = 0, 1 << 40
        if limits := re.search(r"\) AND (\d+):(\d+)\[UID\]$", parameters["term"]):
            low, high = int(limits[1]), int(limits[2])
        first, last = date.min, date.max
        if "datetype" in parameters:
            first, last = (date(*map(int, parameters[key].split("/"))) for key in ("mindate", "maxdate"))
        dates = self.dates | (self.changed if parameters.get("datetype") == "mdat" else {})
        only = self.retracted if ") AND retracted publication[pt]" in parameters["term"] else set(dates)
        yield from (
            pmid
            for pmid, day in dates.items()
            if low <= pmid <= high and first <= day <= last and pmid in only
        )

    def fetch(self, parameters: Mapping[str, str]) -> Answer:
        pmids = [int(each) for each in parameters.get("id", "").split(",")]
        known = [pmid for pmid in pmids if pmid in self.dates and pmid not in self.absent]
        body = "".join(
            self.records.get(pmid) or article(pmid, version=self.version, retracted=pmid in self.retracted)
            for pmid in known
        )
        return Answer(f"{HEAD}{body}</PubmedArticleSet>\n".encode())


def real_records(files: Iterable[Path]) -> tuple[dict[int, str], dict[int, date]]:
    """The records of PubMed files, each with its Entrez date."""
    records: dict[int, str] = {}
    dates: dict[int, date] = {}
    for file in files:
        for each in ET.parse(file).getroot():
            pmid = int(each.findtext("MedlineCitation/PMID") or 0)
            day = each.find("PubmedData/History/PubMedPubDate[@PubStatus='entrez']")
            assert day is not None
            records[pmid] = ET.tostring(each, encoding="unicode")
            dates[pmid] = date(*(int(day.findtext(part) or 0) for part in ("Year", "Month", "Day")))
    return records, dates


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    eutils: Eutils

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, query: str) -> None:
        at = time.monotonic()
        parameters = {name: values[0] for name, values in parse_qs(query).items()}
        utility = urlsplit(self.path).path.rsplit("/", 1)[-1].removesuffix(".fcgi")
        answer = self.eutils.answer(Asked(at, utility, self.command, parameters))
        time.sleep(answer.delay_s)
        with suppress(OSError):  # the client may have given up, or may be dead
            self._send(answer)
        self.close_connection = True

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(answer.promised or len(answer.content)))
        self.send_header("Connection", "close")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        pieces = [bytes([byte]) for byte in answer.content] if answer.trickle_s else [answer.content]
        for piece in pieces:
            self.wfile.write(piece)
            time.sleep(answer.trickle_s)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no fault of the server."""


@contextmanager
def serve(eutils: Eutils) -> Iterator[Eutils]:
    """The same, reachable at `eutils.url`."""
    handler = type("Handler", (_Handler,), {"eutils": eutils})
    with _Server(("127.0.0.1", 0), handler) as server:
        eutils.url = f"http://127.0.0.1:{server.server_address[1]}/entrez/eutils/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield eutils
        finally:
            eutils.release.set()
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peak_per_second(asked: Iterable[Asked]) -> int:
    """The most requests that any window of one second saw."""
    times = sorted(each.at for each in asked)
    return max((sum(start <= at < start + 1 for at in times) for start in times), default=0)
