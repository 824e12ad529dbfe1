from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api.answers import Found
from knowledge.sources.pubmed_api.slicing import EARLIEST, LAST_PMID, Slice, complete_slices

TODAY = date(2026, 11, 24)
DAYS = st.one_of(
    st.dates(EARLIEST, TODAY), st.dates(date(2020, 1, 1), date(2020, 1, 9)), st.just(date(2021, 5, 5))
)
PMIDS = st.one_of(st.integers(1, LAST_PMID), st.integers(30_000_000, 30_000_050))


def _holds(part: Slice, pmid: int, day: date) -> bool:
    in_days = part.first is None or part.last is None or part.first <= day <= part.last
    in_pmids = part.low is None or part.high is None or part.low <= pmid <= part.high
    return in_days and in_pmids


def _found(part: Slice, dates: dict[int, date]) -> Found:
    pmids = [str(pmid) for pmid, day in dates.items() if _holds(part, pmid, day)]
    return Found(len(pmids), tuple(pmids))


@given(dates=st.dictionaries(PMIDS, DAYS, max_size=60), window=st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_slices_hold_each_pmid_exactly_once_and_none_is_too_large(
    dates: dict[int, date], window: int
) -> None:
    parts = list(complete_slices(Slice(), lambda part: _found(part, dates), window=window, today=TODAY))
    listed = [pmid for _, found in parts for pmid in found.pmids]
    assert sorted(listed, key=int) == [str(pmid) for pmid in sorted(dates)]
    assert all(found.count <= window for _, found in parts)


@given(dates=st.dictionaries(PMIDS, DAYS, min_size=1, max_size=40), first=DAYS, last=DAYS)
@settings(max_examples=50, deadline=None)
def test_slices_stay_within_the_dates_asked_for(dates: dict[int, date], first: date, last: date) -> None:
    first, last = min(first, last), max(first, last)
    whole = Slice(first, last)
    parts = complete_slices(whole, lambda part: _found(part, dates), window=3, today=TODAY)
    listed = {int(pmid) for _, found in parts for pmid in found.pmids}
    assert listed == {pmid for pmid, day in dates.items() if first <= day <= last}


@given(
    day=DAYS,
    days=st.integers(0, 40_000),
    low=PMIDS,
    more=st.integers(1, 1_000_000),
    record=st.tuples(PMIDS, DAYS),
)
@settings(deadline=None)
def test_a_record_of_a_slice_is_in_one_of_its_halves(
    day: date, days: int, low: int, more: int, record: tuple[int, date]
) -> None:
    last = min(day + timedelta(days), TODAY)
    part = Slice(day, last, *((low, min(low + more, LAST_PMID)) if day == last and low < LAST_PMID else ()))
    older, newer = part.halves(TODAY)
    assert _holds(older, *record) + _holds(newer, *record) == _holds(part, *record)


def test_a_slice_says_itself_in_the_words_of_esearch() -> None:
    day = date(2020, 1, 2)
    part = Slice(day, day, 5, 9)
    assert part.term("lung OR skin") == "(lung OR skin) AND 5:9[UID]"
    assert part.dates() == {"datetype": "edat", "mindate": "2020/01/02", "maxdate": "2020/01/02"}
    assert (Slice().term("lung"), Slice().dates()) == ("lung", {})


def test_newer_slices_come_first() -> None:
    dates = {pmid: date(2000 + pmid, 1, 1) for pmid in range(1, 20)}
    parts = complete_slices(Slice(), lambda part: _found(part, dates), window=4, today=TODAY)
    days = [dates[int(pmid)] for _, found in parts for pmid in sorted(found.pmids, key=int, reverse=True)]
    assert days == sorted(days, reverse=True)


def test_a_server_that_ignores_the_limits_ends_the_bisection() -> None:
    with pytest.raises(KnowledgeError, match="ignores the limits"):
        list(complete_slices(Slice(), lambda _: Found(10, ()), window=9, today=TODAY))
