import functools
import re
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import eutils_server as server
import pytest
from eutils_server import Eutils, Fault, serve

from knowledge.errors import KnowledgeError, NetworkError
from knowledge.sources.pubmed_api import EntrezSettings, FetchReport, PubmedQuery, RateLimiter, fetch_pubmed
from knowledge.sources.pubmed_api.retries import retry_after_s
from knowledge.sources.pubmed_xml import read_pubmed_xml

FAULTS: dict[str, Fault] = {
    "429": server.too_many,
    "500": server.status(500),
    "502": server.status(502),
    "503": server.status(503),
    "cut off": server.cut,
    "truncated XML": server.truncated,
    "ERROR element": server.error_element,
    "JSON error": server.json_error,
    "HTML page": server.html_page,
    "empty": server.empty,
    "a record left out": server.short,
    "slow": server.slow(0.8),
}


@pytest.fixture
def eutils() -> Iterator[Eutils]:
    with serve(Eutils({pmid: date(2020, 1, 1) for pmid in range(1, 31)})) as running:
        yield running


def _settings(
    eutils: Eutils, *, attempts: int = 4, workers: int = 1, timeout_s: float = 20
) -> EntrezSettings:
    return EntrezSettings(
        "someone@example.org",
        base_url=eutils.url,
        batch=10,
        attempts=attempts,
        workers=workers,
        timeout_s=timeout_s,
        api_key_env="KNOBO_TEST_KEY",
    )


def _fetch(folder: Path, waits: list[float], settings: EntrezSettings) -> FetchReport:
    return fetch_pubmed(
        PubmedQuery("lung"),
        folder / "query",
        settings=settings,
        limiter=RateLimiter(folder / "schedule.sqlite", "test", 0.0),
        sleep=waits.append,
    )


def _held(folder: Path) -> list[int]:
    documents = read_pubmed_xml(folder / "query", source="pubmed", license="NLM")
    return sorted(int(each.id.removeprefix("pmid:")) for each in documents)


def _as_it_is(answer: server.Answer) -> server.Answer:
    return answer


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_search_and_fetch_is_overcome(eutils: Eutils, tmp_path: Path, name: str) -> None:
    fault = functools.partial(server.too_many, retry_after="0.1") if name == "429" else FAULTS[name]
    eutils.faults.extend([fault, _as_it_is, fault])
    waits: list[float] = []
    report = _fetch(tmp_path, waits, _settings(eutils, timeout_s=0.4 if name == "slow" else 20))
    assert _held(tmp_path) == sorted(eutils.dates)
    assert (report.last.requests, report.last.repeated, len(waits)) == (6, 2, 2)


def test_a_stranger_among_the_records_is_not_stored(eutils: Eutils, tmp_path: Path) -> None:
    eutils.faults.extend([_as_it_is, server.stranger])
    _fetch(tmp_path, [], _settings(eutils))
    assert _held(tmp_path) == sorted(eutils.dates)


def test_a_fifth_of_all_requests_may_fail(eutils: Eutils, tmp_path: Path) -> None:
    eutils.dates = {pmid: date(2020, 1, 1) for pmid in range(1, 601)}
    kinds = [FAULTS[name] for name in FAULTS if name not in {"slow", "429"}]
    for n in range(60):
        eutils.faults.extend([_as_it_is] * 4 + [kinds[n % len(kinds)]])
    report = _fetch(tmp_path, [], _settings(eutils, workers=4))
    assert _held(tmp_path) == sorted(eutils.dates)
    assert report.last.repeated == report.last.requests - 61
    assert report.last.repeated >= 61 // 5


def test_waits_double_with_jitter_and_never_undercut_what_the_server_asks(
    eutils: Eutils, tmp_path: Path
) -> None:
    asks = functools.partial(server.too_many, retry_after="0.2")
    eutils.faults.extend([server.status(500)] * 3 + [_as_it_is, asks])
    waits: list[float] = []
    _fetch(tmp_path, waits, _settings(eutils))
    assert all(low <= wait <= 2 * low for low, wait in zip([0.5, 1, 2, 0.5], waits, strict=True))
    long = functools.partial(server.too_many, retry_after="0.3")
    eutils.faults.append(long)
    started = time.monotonic()
    _fetch(tmp_path / "other", waits, _settings(eutils))
    assert waits[-1] >= 0.3
    assert (
        time.monotonic() - started >= 0.3
    )  # though our own wait is skipped here, the schedule paused for all


def test_a_server_that_asks_for_an_hour_is_not_waited_for(eutils: Eutils, tmp_path: Path) -> None:
    eutils.faults.append(functools.partial(server.too_many, retry_after="3600"))
    waits: list[float] = []
    with pytest.raises(NetworkError, match=r"asks to wait 3600 s .* run again"):
        _fetch(tmp_path, waits, _settings(eutils))
    assert waits == []


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "429"])
def test_a_fault_that_stays_ends_with_one_sentence_and_a_state_to_go_on_from(
    eutils: Eutils, tmp_path: Path, name: str
) -> None:
    eutils.faults.extend([_as_it_is, _as_it_is, FAULTS[name], FAULTS[name]])
    if name == "a record left out":  # more than a withdrawn record or two
        eutils.faults.clear()
        eutils.absent = {15, 16, 17}
    with pytest.raises(NetworkError, match=r"no usable answer in 2 attempts .* run again") as caught:
        _fetch(tmp_path, [], _settings(eutils, attempts=2, timeout_s=0.4 if name == "slow" else 20))
    assert "\n" not in str(caught.value)
    asked = [each.pmids for each in eutils.of("efetch")]
    eutils.faults.clear()
    eutils.absent = set()
    _fetch(tmp_path, [], _settings(eutils, attempts=2))
    assert _held(tmp_path) == sorted(eutils.dates)
    later = [each.pmids for each in eutils.of("efetch")][len(asked) :]
    assert asked[0] not in later
    assert len(eutils.of("esearch")) == 1


def test_a_withdrawn_record_is_reported_and_asked_for_by_the_next_runs(
    eutils: Eutils, tmp_path: Path
) -> None:
    def run(days: int) -> FetchReport:
        return fetch_pubmed(
            PubmedQuery("lung"),
            tmp_path / "query",
            settings=_settings(eutils),
            limiter=RateLimiter(tmp_path / "schedule.sqlite", "test", 0.0),
            now=lambda: datetime(2026, 11, 23, tzinfo=UTC) + timedelta(days),
            sleep=lambda _: None,
        )

    eutils.absent = {5, 15, 25}
    report = run(0)
    assert (report.last.missing, report.held) == (("5", "15", "25"), 27)
    assert "3 listed records were not given, e.g. PMID 5, 15, 25" in report.remarks()[0]
    report = run(30)
    assert eutils.of("efetch")[-1].pmids == report.last.missing == ("5", "15", "25")
    assert (report.held, report.last.repeated) == (27, 0)
    eutils.absent = {5}
    report = run(60)
    assert (report.held, report.last.missing) == (29, ("5",))


def test_a_search_that_counts_one_more_than_it_lists_is_taken_and_told(
    eutils: Eutils, tmp_path: Path
) -> None:
    eutils.faults.extend([server.short] * 4)
    report = _fetch(tmp_path, [], _settings(eutils))
    assert (report.last.hits, report.last.listed, report.held) == (30, 29, 29)
    assert report.remarks() == ("PubMed counted 30 records as a whole and listed 29.",)


def test_a_search_that_lists_much_less_than_it_counts_is_not_taken(eutils: Eutils, tmp_path: Path) -> None:
    def halved(answer: server.Answer) -> server.Answer:
        return server.Answer(re.sub(rb"<Id>\d+[02468]</Id>", b"", answer.content))

    eutils.faults.extend([halved] * 4)
    with pytest.raises(NetworkError, match="last: an answer without 11 of 30 records"):
        _fetch(tmp_path, [], _settings(eutils))


def test_a_dead_endpoint_ends_with_one_sentence(tmp_path: Path) -> None:
    dead = Eutils({}, url=f"http://127.0.0.1:{server.free_port()}/")
    waits: list[float] = []
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:\d+ gave no usable answer in 4 .*no connection"):
        _fetch(tmp_path, waits, _settings(dead))
    assert len(waits) == 3


def test_an_answer_that_trickles_for_ever_is_given_up(eutils: Eutils, tmp_path: Path) -> None:
    settings = EntrezSettings(
        "someone@example.org", base_url=eutils.url, attempts=1, timeout_s=5, answer_s=0.2, batch=10
    )
    eutils.faults.append(lambda answer: server.Answer(answer.content, trickle_s=0.02))
    with pytest.raises(NetworkError, match=r"still not whole after 0\.2 s"):
        _fetch(tmp_path, [], settings)


def test_slices_that_do_not_add_up_are_named_and_asked_anew(eutils: Eutils, tmp_path: Path) -> None:
    eutils.dates = {pmid: date(2020, 1, 1) + timedelta(pmid) for pmid in range(1, 301)}

    def hiding(answer: server.Answer) -> server.Answer:
        return server.Answer(answer.content.replace(b"<Count>", b"<Count>9", 1))

    def run() -> FetchReport:
        return fetch_pubmed(
            PubmedQuery("lung"),
            tmp_path / "query",
            settings=_settings(eutils),
            limiter=RateLimiter(tmp_path / "schedule.sqlite", "test", 0.0),
            sleep=lambda _: None,
            window=200,
        )

    eutils.faults.append(hiding)
    with pytest.raises(NetworkError, match=r"counts 9300 records for the whole query and 300 in its slices"):
        run()
    assert run().held == 300


@pytest.mark.parametrize("key", ["expired", "SECRET0123456789"])
def test_the_key_stands_in_requests_and_nowhere_else(
    eutils: Eutils,
    tmp_path: Path,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("KNOBO_TEST_KEY", key)
    eutils.faults.extend([server.status(404)])
    with pytest.raises(KnowledgeError) as caught:
        _fetch(tmp_path, [], _settings(eutils))
    named = (
        "refuse the API key in the environment variable KNOBO_TEST_KEY" if key == "expired" else "status 404"
    )
    assert named in str(caught.value)
    assert {each.parameters["api_key"] for each in eutils.asked} == {key}
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(_settings(eutils))
    assert key not in told
    assert not any(key.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_fetches_with_different_settings_run_side_by_side(tmp_path: Path) -> None:
    from Bio import Entrez

    before = {name: value for name, value in vars(Entrez).items() if name != "__builtins__"}
    reports: list[FetchReport] = []

    def fetch(eutils: Eutils, folder: Path) -> None:
        reports.append(_fetch(folder, [], _settings(eutils)))

    with serve(Eutils({1: date(2020, 1, 1)})) as one, serve(Eutils({2: date(2020, 1, 1)})) as two:
        folders = {tmp_path / "one": one, tmp_path / "two": two}
        threads = [threading.Thread(target=fetch, args=(base, folder)) for folder, base in folders.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(one.asked), len(two.asked)] == [2, 2]
    assert [_held(folder) for folder in folders] == [[1], [2]]
    assert {name: value for name, value in vars(Entrez).items() if name != "__builtins__"} == before


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert retry_after_s("2") == 2.0
    assert retry_after_s("0.5") == 0.5
    assert retry_after_s(None) is None
    assert retry_after_s("soon") is None
    later = datetime.now(UTC) + timedelta(seconds=90)
    seconds = retry_after_s(format_datetime(later, usegmt=True))
    assert seconds is not None
    assert 85 <= seconds <= 90
    assert retry_after_s(format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)) == 0.0
