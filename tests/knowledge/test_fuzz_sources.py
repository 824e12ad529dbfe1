"""Files damaged, cut, nested or made to hurt: every reader ends, with documents or with one sentence."""

import contextlib
import gzip
import itertools
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.errors import KnowledgeError
from knowledge.passages import Document
from knowledge.sources.pmc_nxml import read_pmc_nxml
from knowledge.sources.pubmed_bulk import BulkReport, read_bulk
from knowledge.sources.pubmed_records import BadRecordError, pieces, record
from knowledge.sources.pubmed_records.plain import plain_texts
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records

PUBMED = b"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://dtd.nlm.nih.gov/p.dtd">
<PubmedArticleSet>
<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="1">3104</PMID>
<Article PubModel="Print"><Journal><JournalIssue><PubDate>
<MedlineDate>1998 Dec-1999 Jan</MedlineDate></PubDate></JournalIssue></Journal>
<ArticleTitle>Air embolism &amp; CO<sub>2</sub> \xe2\x80\x93 a case.</ArticleTitle><Abstract>
<AbstractText Label="RATIONALE" NlmCategory="BACKGROUND">Rare but 10<sup>9</sup> <i>fatal</i>.</AbstractText>
<AbstractText Label="OUTCOMES">The patient &lt; 60 recovered &#x3b1;.</AbstractText></Abstract>
<AuthorList CompleteYN="Y"><Author><LastName>Li</LastName></Author></AuthorList>
<PublicationTypeList><PublicationType UI="D016428">Journal Article
</PublicationType></PublicationTypeList></Article></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType="doi">10.1/x</ArticleId></ArticleIdList></PubmedData>
</PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>2</PMID><Article><ArticleTitle>Notice</ArticleTitle></Article>
<CommentsCorrectionsList><CommentsCorrections RefType="RetractionOf"><PMID>3104</PMID></CommentsCorrections>
</CommentsCorrectionsList></MedlineCitation></PubmedArticle>
<DeleteCitation><PMID Version="1">7</PMID></DeleteCitation>
</PubmedArticleSet>
"""
NXML = b"""<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.0 20120330//EN" "JATS.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink" article-type="research-article"><front><article-meta>
<article-id pub-id-type="pmid">23029536</article-id>
<title-group><article-title>M<italic>m</italic> inhibits</article-title>
</title-group><pub-date pub-type="epub"><year>2012</year></pub-date><permissions><license
xlink:href="http://creativecommons.org/licenses/by/2.0"><license-p>Open.</license-p></license></permissions>
<abstract><p>Lipids &lt; 3.</p></abstract></article-meta></front>
<body><sec><title>Results</title><p>Seen
<xref ref-type="bibr">[1]</xref>, <xref ref-type="bibr">[2]</xref> in 10<sup>9</sup>.</p>
<sec><title>Deep</title><list><list-item><p>One</p></list-item></list></sec></sec></body>
<back><ref-list><ref/></ref-list></back></article>
"""
JSONL = b"""{"id": "1", "text": "Air in the pleura \\u2013 small.", "title": "A"}
{"id": 2, "text": "Clear lungs.", "title": null}
"""
ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
)
TAGS = ("PubmedArticle", "/PubmedArticle", "PMID", "/Article", "sec", "/p", "sup")
DAMAGE = (
    *(b"<", b">", b"&", b"&c;", b"&b;", b"</", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>"),
    *(b"{", b"}", b'"', b"\\ud800", b"1e999", b"NaN"),
    *(f"<{each}>".encode() for each in TAGS),
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xc2\x85", b"\n", b'encoding="utf-16"', b'{"id":', ENTITIES),
    *(b"[" * 3000, b"<p>" * 400, b"<i>" * 3000, b"9" * 5000),
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content after one to six accidents, gzipped or not, the gzip perhaps damaged as well."""
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.sampled_from([1, 1, 2, 8, 40, 400]))
        piece = content[start : start + length]
        kind = draw(st.sampled_from(["cut", "delete", "flip", "insert", "repeat", "move"]))
        if kind == "cut":
            content = content[:start]
        elif kind == "delete":
            content = content[:start] + content[start + length :]
        elif kind == "flip":
            flipped = bytes(byte ^ draw(st.integers(1, 255)) for byte in piece[:4])
            content = content[:start] + flipped + content[start + len(flipped) :]
        elif kind == "insert":
            content = content[:start] + draw(st.sampled_from(DAMAGE)) + content[start:]
        elif kind == "repeat":
            content = content[:start] + piece * draw(st.integers(2, 20)) + content[start + length :]
        else:
            content = content[:start] + content[start + length :] + piece
    encoding = draw(st.sampled_from(["", "", "", "utf-16", "latin-1"]))
    return content.decode("latin-1").encode(encoding) if encoding else content


def ends_well(read: Callable[[], Iterable[Document]]) -> list[Document]:
    """Documents, or one sentence: anything else is a bug."""
    began = time.process_time()
    try:
        documents = list(read())
    except KnowledgeError as error:
        message = str(error)
        assert "\n" not in message.strip()
        assert len(message) < 2000
        documents = []
    assert time.process_time() - began < 2
    for document in documents:
        assert document.id
        assert any(section.text for section in document.sections)
        assert "root:" not in str(document)
    return documents


FUZZ = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(content=damaged(PUBMED), packed=st.booleans(), cut=st.integers(0, 3))
def test_damaged_pubmed_files(tmp_path: Path, content: bytes, cut: int, *, packed: bool) -> None:
    _reads_pubmed(tmp_path, content, cut, packed=packed)


@pytest.mark.real
@settings(FUZZ, max_examples=20)
@given(data=st.data())
def test_damaged_real_records(tmp_path: Path, shared_data: Path, data: st.DataObject) -> None:
    whole = (shared_data / "pubmed" / "xml" / "asthma_29768149.xml").read_bytes()
    _reads_pubmed(tmp_path, data.draw(damaged(whole)), 0, packed=False)


def _reads_pubmed(tmp_path: Path, content: bytes, cut: int, *, packed: bool) -> None:
    name = "pubmed26n0001.xml.gz" if packed else "a.xml"
    data = gzip.compress(content, mtime=0) if packed else content
    (folder := tmp_path / "x").mkdir(exist_ok=True)
    for old in folder.glob("*.xml*"):
        old.unlink()
    (folder / name).write_bytes(data[: len(data) - cut * 9])
    (folder / "knobo-state" / "manifest.npz").unlink(missing_ok=True)
    ends_well(lambda: read_pubmed_xml(folder, source="p", license="l"))
    reading = read_bulk(folder, source="p", license="l")
    documents = ends_well(lambda: reading)
    assert accounted(reading.report, documents)


def accounted(report: BulkReport, documents: list[Document]) -> bool:
    """Whether every record is a document, left out for a reason, or named."""
    left_out = report.superseded + report.notices + report.without_text + report.unselected
    named = all(bad.file and bad.line > 0 and bad.reason for bad in report.bad)
    unread = report.records - report.documents - left_out
    return named and report.documents == len(documents) and 0 <= unread <= report.bad_records


PLAIN = PUBMED.replace(b"<i>", b"").replace(b"</i>", b"")
for mark in (b"sub", b"sup"):
    PLAIN = PLAIN.replace(b"<%s>" % mark, b"").replace(b"</%s>" % mark, b"")
PLAIN = PLAIN.replace(b"&#x3b1;", b"\xce\xb1")


def _both_ways(file: Path) -> int:
    """How many records the quick way reads; the parser agrees on each that is well-formed throughout."""
    quick = 0
    with contextlib.suppress(KnowledgeError):
        for piece in pieces(file):
            texts = plain_texts(piece)
            if texts is not None:
                quick += 1
                with contextlib.suppress(BadRecordError):
                    assert record._from_tree(piece, mesh=False) == record._from_texts(texts)
    return quick


@settings(FUZZ, max_examples=300)
@given(content=damaged(PLAIN))
def test_what_is_read_without_the_parser_is_what_the_parser_reads(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    _both_ways(tmp_path / "a.xml")


def test_a_plain_record_needs_no_parser(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(PLAIN)
    assert _both_ways(tmp_path / "a.xml") == 1


@pytest.mark.real
def test_most_real_records_need_no_parser_and_read_the_same(shared_data: Path) -> None:
    read = [_both_ways(file) for file in sorted((shared_data / "pubmed" / "xml").glob("*.xml"))]
    assert sum(read) > 0.8 * 341


@FUZZ
@given(content=damaged(NXML), packed=st.booleans(), cut=st.integers(0, 3))
def test_damaged_articles(tmp_path: Path, content: bytes, cut: int, *, packed: bool) -> None:
    path = tmp_path / ("a.nxml.gz" if packed else "a.nxml")
    data = gzip.compress(content, mtime=0) if packed else content
    path.write_bytes(data[: len(data) - cut * 9])
    ends_well(lambda: read_pmc_nxml(path, source="p", license="l"))


@FUZZ
@given(content=damaged(JSONL), packed=st.booleans(), cut=st.integers(0, 3))
def test_damaged_json_lines(tmp_path: Path, content: bytes, cut: int, *, packed: bool) -> None:
    path = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    data = gzip.compress(content, mtime=0) if packed else content
    path.write_bytes(data[: len(data) - cut * 9])
    ends_well(lambda: read_records(path, source="p", license="l", fields=RecordFields(title="title")))


LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10 if number else b"lol" * 10)
    for number in range(12)
)
HOSTILE = {
    "a billion laughs": PUBMED.replace(
        b'"https://dtd.nlm.nih.gov/p.dtd">', b'"p" [' + LAUGHS + b"]>"
    ).replace(b"Rare", b"&l11;"),
    "an external entity": PUBMED.replace(
        b'"https://dtd.nlm.nih.gov/p.dtd">', b'"p" [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    ).replace(b"Rare", b"&e;"),
    "depth": PUBMED.replace(b"Rare", b"<i>" * 200_000),
    "balanced depth": PUBMED.replace(b"Rare", b"<i>" * 100_000 + b"</i>" * 100_000),
    "no end tags": PUBMED.replace(b"</PubmedArticle>", b"") * 300,
    "comments without end": PUBMED.replace(b"Rare", b"<!-- " * 200_000),
    "sections without end": PUBMED.replace(b"Rare", b"<![CDATA[" * 100_000),
    "a document type without end": b"<!DOCTYPE a [" * 100_000 + PUBMED,
    "white space": b" " * 20_000_000 + PUBMED,
    "no record": b"<PubmedArticleSet>" + b"<Other/>" * 2_500_000,
    "one long text": PUBMED.replace(b"Rare", b"word " * 2_000_000),
    "many attributes": PUBMED.replace(b'Owner="NLM"', b" ".join(b'a%d="1"' % each for each in range(50_000))),
    "nested lists": PUBMED.replace(b"<AuthorList", b"<ReferenceList>" * 20_000 + b"<AuthorList"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_made_to_hurt_neither_hang_nor_grow(tmp_path: Path, name: str) -> None:
    content = HOSTILE[name]
    (tmp_path / "a.xml").write_bytes(content)
    tracemalloc.start()
    began = time.process_time()
    reading = read_bulk(tmp_path, source="p", license="l")
    for document in reading:
        assert "root:" not in str(document)
        assert "lollol" not in str(document)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 5
    assert grown < 160 << 20
    assert len(reading.report.bad) <= 100


def test_thousands_of_bad_records_are_counted_and_a_hundred_named(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(
        b"<PubmedArticleSet>" + b"<PubmedArticle></PubmedArticle>\n" * 4_000 + b"</PubmedArticleSet>"
    )
    reading = read_bulk(tmp_path, source="p", license="l")
    assert list(reading) == []
    assert (reading.report.bad_records, len(reading.report.bad)) == (4_000, 100)


@pytest.mark.parametrize(
    "value",
    [
        "[" * 100_000,
        "1" * 10_000,
        '{"id": 1, "text": ' + "[" * 100_000,
        '{"id": "\\ud800", "text": "x"}',
        '{"id": 1, "text": "\\udfff"}',
        '{"\\ud800": 1, "text": "x"}',
    ],
)
def test_json_made_to_hurt_is_named(tmp_path: Path, value: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "0", "text": "fine"}) + "\n" + value + "\n")
    with pytest.raises(KnowledgeError, match=r"a\.jsonl line 2") as raised:
        list(itertools.islice(read_records(path, source="p", license="l", fields=RecordFields()), 10))
    str(raised.value).encode()
