import gzip
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from eutils_server import Eutils, serve, status

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api import EntrezSettings, FetchReport, PubmedQuery, RateLimiter, fetch_pubmed
from knowledge.sources.pubmed_xml import read_pubmed_xml

FETCH = """
import sys
from pathlib import Path
from knowledge.sources.pubmed_api import EntrezSettings, PubmedQuery, RateLimiter, fetch_pubmed

folder = Path(sys.argv[2])
fetch_pubmed(
    PubmedQuery("lung"),
    folder / "query",
    settings=EntrezSettings("someone@example.org", base_url=sys.argv[1], batch=10, workers=1),
    limiter=RateLimiter(folder / "schedule.sqlite", "test", 0.0),
    window=40,
)
"""


@pytest.fixture
def eutils() -> Iterator[Eutils]:
    days = {pmid: date(2020, 1, 1 + pmid % 5) for pmid in range(1, 101)}
    with serve(Eutils(days)) as running:
        yield running


def _fetch(eutils: Eutils, folder: Path) -> FetchReport:
    return fetch_pubmed(
        PubmedQuery("lung"),
        folder / "query",
        settings=EntrezSettings("someone@example.org", base_url=eutils.url, batch=10, workers=2, attempts=2),
        limiter=RateLimiter(folder / "schedule.sqlite", "test", 0.0),
        sleep=lambda _: None,
        window=40,
    )


def _files(folder: Path) -> dict[str, bytes]:
    """The XML of each batch."""
    return {each.name: gzip.decompress(each.read_bytes()) for each in folder.rglob("*.xml.gz")}


def _asked(eutils: Eutils) -> Counter[tuple[str, ...]]:
    return Counter(each.pmids for each in eutils.of("efetch"))


@pytest.mark.parametrize("answered", [0, 4])
def test_a_killed_fetch_goes_on_without_fetching_anything_twice(
    eutils: Eutils, tmp_path: Path, answered: int
) -> None:
    eutils.hold_after = answered
    with subprocess.Popen([sys.executable, "-c", FETCH, eutils.url, str(tmp_path)]) as process:
        assert eutils.holding.wait(60)
        process.send_signal(signal.SIGKILL)
    eutils.release.set()
    eutils.hold_after = None
    before, searches = _asked(eutils), len(eutils.of("esearch"))
    assert len(_files(tmp_path)) == answered
    report = _fetch(eutils, tmp_path)
    unanswered = eutils.of("efetch")[answered].pmids
    assert _asked(eutils) == Counter(dict.fromkeys(_asked(eutils), 1) | {unanswered: 2})
    assert sum(before.values()) == answered + 1
    assert len(eutils.of("esearch")) == searches
    assert (report.held, report.requests) == (100, 10 - answered)
    with serve(Eutils(eutils.dates)) as undisturbed:
        _fetch(undisturbed, tmp_path / "undisturbed")
    assert _files(tmp_path / "query") == _files(tmp_path / "undisturbed")


def test_a_fetch_stopped_between_searches_keeps_its_slices(eutils: Eutils, tmp_path: Path) -> None:
    def searched() -> list[tuple[str | None, ...]]:
        keys = ("term", "mindate", "maxdate")
        return [tuple(each.parameters.get(key) for key in keys) for each in eutils.of("esearch")]

    eutils.faults.extend([lambda answer: answer] * 3 + [status(500)] * 2)
    with pytest.raises(KnowledgeError, match="searching Entrez dates"):
        _fetch(eutils, tmp_path)
    assert len(searched()) == 5
    _fetch(eutils, tmp_path)
    assert not set(searched()[:3]) & set(searched()[3:])


def test_a_ledger_cut_in_the_middle_of_a_line_adopts_the_file_in_place(
    eutils: Eutils, tmp_path: Path
) -> None:
    _fetch(eutils, tmp_path)
    (ledger,) = tmp_path.rglob("ledger.jsonl")
    (tmp_path / "query" / "about.json").unlink()
    ledger.write_bytes(ledger.read_bytes()[:-30])
    asked = len(eutils.asked)
    report = _fetch(eutils, tmp_path)
    assert (len(eutils.asked), report.held) == (asked, 100)
    assert len(ledger.read_text().splitlines()) == len(set(ledger.read_text().splitlines()))


@pytest.mark.parametrize("damage", ["cut", "gone", "emptied"])
def test_a_damaged_file_is_fetched_again_and_no_other(eutils: Eutils, tmp_path: Path, damage: str) -> None:
    _fetch(eutils, tmp_path)
    whole = _files(tmp_path)
    file = next(tmp_path.rglob("batch-00003.xml.gz"))
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100] if damage == "cut" else b"")
    asked = len(eutils.asked)
    assert _fetch(eutils, tmp_path).requests == 1
    assert [each.utility for each in eutils.asked[asked:]] == ["efetch"]
    assert _files(tmp_path) == whole


def test_without_its_ledger_a_run_lists_again_and_adopts_its_files(eutils: Eutils, tmp_path: Path) -> None:
    _fetch(eutils, tmp_path)
    fetched = len(eutils.of("efetch"))
    next(tmp_path.rglob("ledger.jsonl")).unlink()
    assert _fetch(eutils, tmp_path).held == 100
    assert len(eutils.of("efetch")) == fetched


def test_only_one_process_fetches_into_a_folder(eutils: Eutils, tmp_path: Path) -> None:
    eutils.hold_after = 0
    with subprocess.Popen([sys.executable, "-c", FETCH, eutils.url, str(tmp_path)]) as process:
        assert eutils.holding.wait(60)
        with pytest.raises(KnowledgeError, match="Another process is fetching into"):
            _fetch(eutils, tmp_path)
        eutils.release.set()
        assert process.wait(30) == 0
    assert _fetch(eutils, tmp_path).held == 100


@pytest.mark.parametrize("name", ["about.json", "plan.json"])
def test_a_damaged_state_is_named(eutils: Eutils, tmp_path: Path, name: str) -> None:
    _fetch(eutils, tmp_path)
    file = next(tmp_path.rglob(name))
    file.write_text('{"query": 3')
    with pytest.raises(KnowledgeError, match=rf"{name} is damaged .*: remove"):
        _fetch(eutils, tmp_path)


def test_a_folder_moved_elsewhere_goes_on_there(eutils: Eutils, tmp_path: Path) -> None:
    first = _fetch(eutils, tmp_path)
    shutil.move(tmp_path / "query", tmp_path / "elsewhere" / "query")
    moved = _fetch(eutils, tmp_path / "elsewhere")
    assert (moved.requests, moved.runs) == (0, first.runs)
    documents = read_pubmed_xml(tmp_path / "elsewhere" / "query", source="pubmed", license="NLM")
    assert len({each.id for each in documents}) == 100
