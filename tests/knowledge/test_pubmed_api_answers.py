from datetime import date

import pytest
from eutils_server import Eutils, article
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.sources.pubmed_api.answers import read_records, read_search
from knowledge.sources.pubmed_api.retries import Faulty

BASE = Eutils({pmid: date(2020, 1, 1) for pmid in range(1, 9)})
PMIDS = tuple(str(pmid) for pmid in BASE.dates)
SEARCH = BASE.search({"term": "lung", "retmax": "9"}).content
RECORDS = BASE.fetch({"id": ",".join(PMIDS)}).content
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1), st.one_of(st.none(), st.binary(max_size=6), st.sampled_from([b"<", b"&x;", b"]]>"]))
    ),
    max_size=4,
)


def _edited(content: bytes, edits: list[tuple[float, bytes | None]]) -> bytes:
    for place, piece in edits:
        at = int(place * len(content))
        content = content[:at] if piece is None else content[:at] + piece + content[at + len(piece) :]
    return content


@given(edits=EDITS)
@settings(max_examples=150, deadline=None)
def test_damaged_answers_are_told_from_whole_ones(edits: list[tuple[float, bytes | None]]) -> None:
    for read, content in ((read_search, SEARCH), (lambda text: read_records(text, PMIDS), RECORDS)):
        try:
            found = read(_edited(content, edits))
        except Faulty as fault:
            message = str(fault)
        else:
            message = ""
            assert all(pmid.isdecimal() for pmid in found.pmids)
        assert len(message) < 200
        assert "\n" not in message


@given(cut=st.integers(0, len(RECORDS) - 20))
@settings(max_examples=50, deadline=None)
def test_an_answer_cut_anywhere_is_never_taken(cut: int) -> None:
    with pytest.raises(Faulty):
        read_records(RECORDS[:cut], PMIDS)
    with pytest.raises(Faulty):
        read_search(SEARCH[: cut * (len(SEARCH) - 20) // len(RECORDS)])


def test_entities_are_neither_expanded_nor_fetched() -> None:
    head = b'<!DOCTYPE PubmedArticleSet [<!ENTITY one SYSTEM "file:///etc/hostname"><!ENTITY pmid "7">]>'
    body = article(7).replace(">7</PMID>", ">&pmid;</PMID>").encode()
    with pytest.raises(Faulty, match="without PMID"):
        read_records(head + b"<PubmedArticleSet>" + body + b"</PubmedArticleSet>", ["7"])


def test_books_count_by_their_own_pmid() -> None:
    book = b"<PubmedBookArticle><BookDocument><PMID>3</PMID></BookDocument></PubmedBookArticle>"
    assert read_records(b"<PubmedArticleSet>" + book + b"</PubmedArticleSet>", ["3"]).pmids == {"3"}
