import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from eutils_server import Eutils, real_records, serve, uneven_dates

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api import EntrezSettings, FetchReport, PubmedQuery, RateLimiter, fetch_pubmed
from knowledge.sources.pubmed_xml import read_pubmed_xml

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LUNG = PubmedQuery("lung")


@pytest.fixture
def eutils() -> Iterator[Eutils]:
    with serve(Eutils({pmid: date(2020, 1, 1) for pmid in range(1, 31)})) as running:
        yield running


def _fetch(
    eutils: Eutils,
    folder: Path,
    query: PubmedQuery = LUNG,
    *,
    now: datetime = NOON,
    window: int = 9_999,
    batch: int = 10,
    fresh_days: float = 1,
) -> FetchReport:
    settings = EntrezSettings(
        "someone@example.org", base_url=eutils.url, batch=batch, attempts=2, fresh_days=fresh_days
    )
    return fetch_pubmed(
        query,
        folder / "query",
        settings=settings,
        limiter=RateLimiter(folder / "schedule.sqlite", "test", 0.0),
        now=lambda: now,
        sleep=lambda _: None,
        window=window,
    )


def _texts(folder: Path) -> dict[str, str]:
    documents = read_pubmed_xml(folder / "query", source="pubmed", license="NLM")
    return {each.id.removeprefix("pmid:"): each.sections[0].text for each in documents}


@pytest.mark.real
def test_real_records_come_out_as_they_stand_in_the_files(tmp_path: Path, shared_data: Path) -> None:
    files = shared_data / "pubmed" / "xml"
    records, dates = real_records(sorted(files.glob("*.xml")))
    with serve(Eutils(dates, records)) as eutils:
        report = _fetch(eutils, tmp_path, batch=50)
    assert (report.total, report.held, report.last.records) == (len(records),) * 3
    fetched = {each.id: each for each in read_pubmed_xml(tmp_path / "query", source="a", license="b")}
    assert fetched == {each.id: each for each in read_pubmed_xml(files, source="a", license="b")}


def test_a_query_above_the_window_is_fetched_in_full(tmp_path: Path) -> None:
    dates = uneven_dates(25_000, busy=12_000)
    with serve(Eutils(dates)) as eutils:
        report = _fetch(eutils, tmp_path, batch=2_500)
        listed = len(eutils.of("esearch"))
        again = _fetch(eutils, tmp_path, batch=2_500)
        assert len(eutils.of("esearch")) == listed
        asked = [pmid for each in eutils.of("efetch") for pmid in each.pmids]
    assert sorted(map(int, asked)) == sorted(dates)
    assert (report.last.hits, report.last.listed, report.held) == (25_000, 25_000, 25_000)
    assert report.last.slices > 3
    assert report.remarks() == ()
    assert again.requests == 0


def test_every_request_says_who_asks_and_long_ones_are_posted(eutils: Eutils, tmp_path: Path) -> None:
    eutils.dates = {10_000_000 + n: date(2020, 1, 1) for n in range(210)}
    _fetch(eutils, tmp_path, batch=200)
    assert {(each.parameters["tool"], each.parameters["email"]) for each in eutils.asked} == {
        ("knobo", "someone@example.org")
    }
    assert {len(each.pmids): each.method for each in eutils.of("efetch")} == {200: "POST", 10: "GET"}


def test_a_maximum_within_the_window_asks_for_the_best_matches(eutils: Eutils, tmp_path: Path) -> None:
    report = _fetch(eutils, tmp_path, PubmedQuery("lung", maximum=7))
    (search,) = eutils.of("esearch")
    assert (search.parameters["sort"], search.parameters["retmax"]) == ("relevance", "7")
    assert (report.held, report.total, report.remarks()) == (7, 30, ())


def test_a_maximum_above_the_window_takes_the_newest(eutils: Eutils, tmp_path: Path) -> None:
    eutils.dates = {pmid: date(2026, 1, 1) - timedelta(pmid) for pmid in range(1, 31)}
    report = _fetch(eutils, tmp_path, PubmedQuery("lung", maximum=12), window=5)
    days = {eutils.dates[int(pmid)] for pmid in _texts(tmp_path)}
    assert report.held == len(days) == 12
    assert sum(day >= min(days) for day in eutils.dates.values()) < 12 + 5


def test_since_leaves_out_what_entered_pubmed_earlier(eutils: Eutils, tmp_path: Path) -> None:
    eutils.dates |= {pmid: date(2024, 5, 5) for pmid in range(100, 104)}
    report = _fetch(eutils, tmp_path, PubmedQuery("lung", since=date(2024, 5, 5)))
    assert (report.total, sorted(_texts(tmp_path))) == (4, ["100", "101", "102", "103"])


def test_a_later_run_asks_only_for_what_is_new_and_the_newest_record_wins(
    eutils: Eutils, tmp_path: Path
) -> None:
    eutils.dates |= {100: date(2026, 11, 20)}
    _fetch(eutils, tmp_path)
    asked = len(eutils.asked)
    eutils.dates |= {200: date(2026, 12, 1)}
    eutils.version = ", revised"
    report = _fetch(eutils, tmp_path, now=NOON + timedelta(10))
    search, *_, fetch = eutils.asked[asked:]
    assert (search.parameters["mindate"], search.parameters["maxdate"]) == ("2026/11/16", "2026/12/04")
    assert fetch.pmids == ("100", "200")
    texts = _texts(tmp_path)
    assert (texts["100"], texts["200"]) == (
        "Findings of study 100, revised.",
        "Findings of study 200, revised.",
    )
    assert texts["1"] == "Findings of study 1."
    assert (report.total, report.held, len(report.runs), report.remarks()) == (32, 32, 2, ())


@pytest.mark.parametrize("window", [9_999, 20])
def test_records_that_enter_with_an_old_date_come_with_the_next_run(
    eutils: Eutils, tmp_path: Path, window: int
) -> None:
    eutils.dates = {pmid: date(2000 + pmid, 1, 1) for pmid in range(1, 26)}
    _fetch(eutils, tmp_path, window=window)
    eutils.dates |= {500: date(1999, 1, 1), 501: date(2026, 11, 30)}
    asked = len(eutils.of("efetch"))
    report = _fetch(eutils, tmp_path, now=NOON + timedelta(10), window=window)
    assert [each.pmids for each in eutils.of("efetch")[asked:]] == [("500", "501")]
    assert (report.total, report.held, report.last.records, report.remarks()) == (27, 27, 2, ())


def test_a_large_unchanged_query_is_not_listed_again(eutils: Eutils, tmp_path: Path) -> None:
    _fetch(eutils, tmp_path, window=20)
    asked = len(eutils.asked)
    report = _fetch(eutils, tmp_path, now=NOON + timedelta(10), window=20)
    assert [each.utility for each in eutils.asked[asked:]] == ["esearch"] * 4
    assert (report.held, report.last.records) == (30, 0)


@pytest.mark.parametrize("maximum", [None, 5])
def test_an_update_brings_held_records_that_were_retracted_or_corrected_since(
    eutils: Eutils, tmp_path: Path, maximum: int | None
) -> None:
    eutils.dates = {pmid: date(2020, 1, 1) for pmid in range(1, 6)}
    query = PubmedQuery("lung", maximum=maximum)
    _fetch(eutils, tmp_path, query)
    eutils.retracted = {3}  # without a new date
    eutils.changed = {2: date(2026, 11, 25), 4: date(2026, 11, 1)}
    eutils.version = ", corrected"
    asked = len(eutils.of("efetch"))
    report = _fetch(eutils, tmp_path, query, now=NOON + timedelta(10))
    assert [each.pmids for each in eutils.of("efetch")[asked:]] == [("2", "3")]
    assert report.held == 5
    read = {each.id: each for each in read_pubmed_xml(tmp_path / "query", source="a", license="b")}
    assert [name for name, each in read.items() if each.retracted] == ["pmid:3"]
    corrected = {name for name, each in read.items() if "corrected" in each.sections[0].text}
    assert corrected == {"pmid:2", "pmid:3"}
    later = _fetch(eutils, tmp_path, query, now=NOON + timedelta(30))
    assert later.last.records == 0  # known as retracted by now


def test_records_that_the_query_no_longer_finds_are_told_and_stay(eutils: Eutils, tmp_path: Path) -> None:
    _fetch(eutils, tmp_path)
    for pmid in (3, 4):
        del eutils.dates[pmid]
    report = _fetch(eutils, tmp_path, now=NOON + timedelta(10))
    assert (report.total, report.held, report.last.gone) == (28, 30, 2)
    assert "no longer finds 2 records" in report.remarks()[0]


def test_a_fresh_folder_asks_nothing(eutils: Eutils, tmp_path: Path) -> None:
    first = _fetch(eutils, tmp_path)
    asked = len(eutils.asked)
    again = _fetch(eutils, tmp_path, now=NOON + timedelta(days=29), fresh_days=30)
    assert (len(eutils.asked), again.requests) == (asked, 0)
    assert (again.runs, again.total, again.held) == (first.runs, first.total, first.held)


def test_about_json_says_what_lies_in_the_folder(eutils: Eutils, tmp_path: Path) -> None:
    _fetch(eutils, tmp_path, PubmedQuery("lung", since=date(2019, 1, 1)))
    about = json.loads((tmp_path / "query" / "about.json").read_text())
    assert about["query"] == {"term": "lung", "maximum": None, "since": "2019-01-01"}
    (run,) = about["runs"]
    assert (about["total"], about["held"], run["hits"], run["records"]) == (30,) * 4
    assert (run["started"], run["requests"], run["repeated"]) == (NOON.isoformat(), 4, 0)


def test_a_folder_belongs_to_one_query(eutils: Eutils, tmp_path: Path) -> None:
    _fetch(eutils, tmp_path)
    with pytest.raises(KnowledgeError, match=r"holds the PubMed query 'lung' .* choose another folder"):
        _fetch(eutils, tmp_path, PubmedQuery("skin"))


def test_a_query_without_hits_is_named_with_the_words_pubmed_does_not_know(
    eutils: Eutils, tmp_path: Path
) -> None:
    eutils.unknown = "lnug"
    with pytest.raises(KnowledgeError, match=r"finds nothing for 'nothing' \(unknown to PubMed: lnug\)"):
        _fetch(eutils, tmp_path, PubmedQuery("nothing"))
    eutils.unknown = ""
    eutils.dates = {1: date(2020, 1, 1)}
    with pytest.raises(KnowledgeError, match="finds nothing"):
        _fetch(eutils, tmp_path, PubmedQuery("nothing"))  # asked anew, not remembered
    assert len(eutils.asked) == 2
    eutils.unknown = "lnug"
    report = _fetch(eutils, tmp_path / "other")
    assert "left them out: lnug" in report.remarks()[0]


def test_progress_ends_with_all_records(eutils: Eutils, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fetch_pubmed(
        LUNG,
        tmp_path / "query",
        settings=EntrezSettings("someone@example.org", base_url=eutils.url, batch=10),
        limiter=RateLimiter(tmp_path / "schedule.sqlite", "test", 0.0),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 30), (10, 30), (20, 30), (30, 30)]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"email": ""}, "set `email`"),
        ({"email": "a@b.org", "tool": "two words"}, "no spaces"),
        ({"email": "a@b.org", "base_url": "file:///etc/passwd"}, "correct `base_url`"),
        ({"email": "a@b.org", "base_url": "http://host/?x=1"}, "correct `base_url`"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, str], named: str) -> None:
    with pytest.raises(KnowledgeError, match=named):
        EntrezSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", [("", None), ("lung", 0)])
def test_queries_that_cannot_work_are_named(query: tuple[str, int | None]) -> None:
    with pytest.raises(KnowledgeError, match="PubMed query"):
        PubmedQuery(*query)
