import gzip
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.pubmed_records import PubmedRecord, parse_record, pieces
from knowledge.sources.pubmed_xml import read_pubmed_xml

HEAD = (
    '<?xml version="1.0"?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2012//EN" '
    '"http://www.ncbi.nlm.nih.gov/corehtml/query/DTD/pubmed_120101.dtd">\n<PubmedArticleSet>\n'
)


def _article(
    pmid: int, abstract: str, *, title: str = "A title.", extra: str = "", kind: str = "Journal Article"
) -> str:
    return f"""<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID>
        <Article><ArticleTitle>{title}</ArticleTitle>{abstract and f"<Abstract>{abstract}</Abstract>"}
        <PublicationTypeList><PublicationType>{kind}</PublicationType></PublicationTypeList></Article>{extra}
        </MedlineCitation><PubmedData><ReferenceList><Reference><ArticleIdList>
        <ArticleId IdType="pubmed">999</ArticleId></ArticleIdList></Reference></ReferenceList></PubmedData>
        </PubmedArticle>"""


def _text(text: str, label: str = "") -> str:
    return (
        f'<AbstractText Label="{label}">{text}</AbstractText>'
        if label
        else f"<AbstractText>{text}</AbstractText>"
    )


def _comment(kind: str) -> str:
    return (
        f'<CommentsCorrectionsList><CommentsCorrections RefType="{kind}"><PMID>5</PMID>'
        "</CommentsCorrections></CommentsCorrectionsList>"
    )


def _write(path: Path, *records: str, head: str = HEAD) -> Path:
    content = (head + "\n".join(records) + "\n</PubmedArticleSet>\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def _read(path: Path) -> list[Document]:
    return list(read_pubmed_xml(path, source="pubmed", license="NLM"))


def test_text_goes_on_behind_inline_markup(tmp_path: Path) -> None:
    abstract = _text("Levels of <i>H. <b>pylori</b></i> and CO<sub>2</sub>\n\t were high &lt; 5.")
    (document,) = _read(
        _write(tmp_path / "a.xml", _article(7, abstract, title="On <i>Helicobacter</i> today."))
    )
    assert document == Document(
        "pmid:7",
        "On Helicobacter today.",
        (Section("", "Levels of H. pylori and CO2 were high < 5."),),
        "pubmed",
        "NLM",
    )


def test_a_power_does_not_become_another_number(tmp_path: Path) -> None:
    abstract = _text("10<sup>9</sup> cells, 10<sup>-3</sup> M, 5 m<sup>2</sup>, the 5<sup>th</sup> day")
    (document,) = _read(_write(tmp_path / "a.xml", _article(7, abstract)))
    assert document.sections[0].text == "10^9 cells, 10^-3 M, 5 m2, the 5th day"


def test_labelled_parts_become_sections(tmp_path: Path) -> None:
    abstract = _text("Why.", "AIM") + _text("How.", "METHODS") + _text("None.", "UNLABELLED") + _text("Free.")
    (document,) = _read(_write(tmp_path / "a.xml", _article(7, abstract)))
    assert document.sections == (
        Section("AIM", "Why."),
        Section("METHODS", "How."),
        Section("", "None."),
        Section("", "Free."),
    )


def test_records_without_abstract_are_left_out(tmp_path: Path) -> None:
    assert [
        d.id for d in _read(_write(tmp_path / "a.xml", _article(1, ""), _article(2, _text("Text."))))
    ] == ["pmid:2"]


def test_the_id_is_the_record_own_pmid_and_not_that_of_a_comment_or_reference(tmp_path: Path) -> None:
    extra = _comment("Cites")
    assert [d.id for d in _read(_write(tmp_path / "a.xml", _article(8, _text("Text."), extra=extra)))] == [
        "pmid:8"
    ]


@pytest.mark.parametrize(
    ("kind", "reference", "retracted"),
    [
        ("Retracted Publication", "Cites", True),
        ("Journal Article", "RetractionIn", True),
        ("Journal Article", "ErratumIn", False),
    ],
)
def test_retracted_articles_are_flagged(
    tmp_path: Path, kind: str, reference: str, *, retracted: bool
) -> None:
    extra = _comment(reference)
    (document,) = _read(_write(tmp_path / "a.xml", _article(7, _text("Text."), extra=extra, kind=kind)))
    assert document.retracted is retracted


def test_books_are_read_too(tmp_path: Path) -> None:
    book = (
        "<PubmedBookArticle><BookDocument><PMID>3</PMID><Book><BookTitle>Handbook</BookTitle></Book>"
        "<Abstract><AbstractText>Text.</AbstractText></Abstract></BookDocument></PubmedBookArticle>"
    )
    (document,) = _read(_write(tmp_path / "a.xml", book))
    assert (document.id, document.title) == ("pmid:3", "Handbook")


def test_the_newest_file_wins_and_deletions_reach_older_files_only(tmp_path: Path) -> None:
    _write(tmp_path / "pubmed26n0001.xml.gz", *(_article(i, _text("Old.")) for i in (1, 2, 3)))
    _write(
        tmp_path / "pubmed26n0002.xml.gz",
        _article(2, _text("New.")),
        "<DeleteCitation><PMID>3</PMID><PMID>4</PMID></DeleteCitation>",
    )
    _write(tmp_path / "pubmed26n0003.xml.gz", _article(4, _text("Back.")))
    found = {document.id: document.sections[0].text for document in _read(tmp_path)}
    assert found == {"pmid:1": "Old.", "pmid:2": "New.", "pmid:4": "Back."}


def test_entities_of_the_file_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    head = (
        f'<!DOCTYPE PubmedArticleSet [<!ENTITY secret SYSTEM "{(tmp_path / "secret.txt").as_uri()}">'
        '<!ENTITY lol "lollollol"><!ENTITY many "&lol;&lol;&lol;&lol;">]>\n<PubmedArticleSet>\n'
    )
    (document,) = _read(_write(tmp_path / "a.xml", _article(7, _text("See &secret; and &many;.")), head=head))
    assert "SECRET" not in document.sections[0].text
    assert "lol" not in document.sections[0].text


@pytest.mark.parametrize(
    ("date", "year", "printed"),
    [
        ("<Year>2019</Year><Month>May</Month><Day>28</Day>", 2019, "2019 May 28"),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", 1998, "1998 Dec-1999 Jan"),
        ("<MedlineDate>Winter 2004</MedlineDate>", 2004, "Winter 2004"),
        ("<Year>2001</Year><Season>Spring</Season>", 2001, "2001 Spring"),
        ("", None, ""),
    ],
)
def test_the_year_is_the_first_of_the_date_of_publication(
    tmp_path: Path, date: str, year: int | None, printed: str
) -> None:
    journal = f"<Journal><JournalIssue><PubDate>{date}</PubDate></JournalIssue></Journal><ArticleTitle>"
    path = _write(tmp_path / "a.xml", _article(7, _text("Text.")).replace("<ArticleTitle>", journal))
    assert [document.year for document in _read(path)] == [year]
    assert _records(path)[0].date == printed


def _records(path: Path) -> list[PubmedRecord]:
    return [parse_record(piece) for piece in pieces(path) if piece.tag.startswith("Pubmed")]


def test_ids_are_those_of_the_article_and_not_of_its_references(tmp_path: Path) -> None:
    reference = (
        '<ReferenceList>{}<ArticleIdList><ArticleId IdType="doi">10.9/cited</ArticleId></ArticleIdList>{}'
    )
    own = (
        '<ArticleIdList><ArticleId IdType="doi">10.1/own</ArticleId><ArticleId IdType="pmc">PMC5</ArticleId>'
        "</ArticleIdList>"
    )
    nested = reference.format("", reference.format("", "</ReferenceList>") + "</ReferenceList>")
    for number, data in enumerate((own + nested, nested + own)):
        article = _article(7, _text("Text.")).split("<PubmedData>")[0] + f"<PubmedData>{data}</PubmedData>"
        path = _write(tmp_path / f"{number}.xml", article + "</PubmedArticle>")
        assert [(record.doi, record.pmc) for record in _records(path)] == [("10.1/own", "PMC5")]


def test_comments_and_cdata_hide_what_looks_like_a_record(tmp_path: Path) -> None:
    hidden = _article(9, _text("Hidden."))
    tricky = f"<!-- {hidden} --><![CDATA[a < b </PubmedArticle> {hidden}]]> end."
    path = _write(
        tmp_path / "a.xml", f"<!-- {hidden} -->", _article(7, _text(tricky)), _article(8, _text("Text."))
    )
    documents = _read(path)
    assert [document.id for document in documents] == ["pmid:7", "pmid:8"]
    assert documents[0].sections[0].text.startswith("a < b </PubmedArticle>")


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252", "utf-8-sig"])
def test_other_encodings_are_read_where_they_are_declared(tmp_path: Path, encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n'
    text = (
        declared + "<PubmedArticleSet>" + _article(7, _text("Sjögren's. " * 90_000)) + "</PubmedArticleSet>"
    )
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    (document,) = _read(tmp_path / "a.xml")
    assert document.sections[0].text == ("Sjögren's. " * 90_000).strip()


@pytest.mark.parametrize("encoding", ["zlib", "utf-7", "none"])
def test_encodings_that_no_such_file_has_are_named(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.xml").write_text(f'<?xml version="1.0" encoding="{encoding}"?>\n<PubmedArticleSet/>')
    with pytest.raises(KnowledgeError, match=f"a.xml declares the encoding '{encoding}'"):
        _read(tmp_path / "a.xml")


def test_malformed_xml_is_named_with_file_and_line(tmp_path: Path) -> None:
    path = _write(tmp_path / "broken.xml", _article(1, _text("Text.")), "<PubmedArticle>", "</Nonsense>")
    line = path.read_text().split("\n").index("<PubmedArticle>") + 1
    with pytest.raises(KnowledgeError, match=rf"broken\.xml line {line} is not well-formed XML"):
        _read(path)


@pytest.mark.parametrize("content", [b"", b"not XML", b"\x1f\x8bcut"])
def test_files_that_are_no_xml_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("a.xml.gz" if content.startswith(b"\x1f") else "a.xml")
    path.write_bytes(content)
    with pytest.raises(KnowledgeError, match=re.escape(str(path))):
        _read(path)


def test_a_truncated_gzip_file_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.xml.gz", *(_article(i, _text("Text.")) for i in range(1, 200)))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(KnowledgeError, match=r"a\.xml\.gz .*fetch the file again"):
        _read(path)


def test_missing_empty_and_foreign_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"no file or folder .*absent"):
        _read(tmp_path / "absent")
    with pytest.raises(KnowledgeError, match=r"holds no file that ends in \.xml or \.xml\.gz"):
        _read(tmp_path)
    with pytest.raises(KnowledgeError, match="holds no text"):
        _read(_write(tmp_path / "a.xml", _article(1, "")))
    with pytest.raises(KnowledgeError, match="line 4 is an article without PMID"):
        _read(_write(tmp_path / "b.xml", "<PubmedArticle><MedlineCitation/></PubmedArticle>"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "with_abstract", "labelled"),
    [
        ("lung_ct_air_embolism", 102, 31),
        ("pulmonary_fibrosis_emphysema", 108, 13),
        ("lung_immunology_2012", 14, 7),
        ("cancer_signalling", 92, 11),
        ("asthma_29768149", 1, 1),
    ],
)
def test_real_files_give_the_counts_of_their_readme(
    shared_data: Path, name: str, with_abstract: int, labelled: int
) -> None:
    documents = _read(shared_data / "pubmed" / "xml" / f"{name}.xml")
    assert len(documents) == with_abstract
    assert sum(any(section.heading for section in document.sections) for document in documents) == labelled


@pytest.mark.real
def test_real_abstracts_hold_the_words_that_the_standard_library_finds(shared_data: Path) -> None:
    documents = {document.id: document for document in _read(shared_data / "pubmed" / "xml")}
    for file in (shared_data / "pubmed" / "xml").glob("*.xml"):
        for article in ET.parse(file).getroot():
            parts = article.findall("MedlineCitation/Article/Abstract/AbstractText")
            if parts:
                document = documents[f"pmid:{article.findtext('MedlineCitation/PMID')}"]
                assert [section.text.replace("^", "") for section in document.sections] == [
                    " ".join("".join(part.itertext()).replace("^", "").split()) for part in parts
                ]


@pytest.mark.real
def test_real_years_and_ids_are_those_that_the_standard_library_finds(shared_data: Path) -> None:
    for file in (shared_data / "pubmed" / "xml").glob("*.xml"):
        for article, record in zip(ET.parse(file).getroot(), _records(file), strict=True):
            ids = {
                each.get("IdType"): each.text
                for each in article.findall("PubmedData/ArticleIdList/ArticleId")
            }
            published = article.find("MedlineCitation/Article/Journal/JournalIssue/PubDate")
            assert published is not None
            year = published.findtext("Year") or (published.findtext("MedlineDate") or "")[:4]
            assert str(record.pmid) == article.findtext("MedlineCitation/PMID")
            assert (record.doi, record.pmc) == (ids.get("doi", ""), ids.get("pmc", ""))
            assert str(record.year) == year


@pytest.mark.real
def test_pubmedqa_and_pubmed_agree_on_what_a_pmid_is(shared_data: Path) -> None:
    with (shared_data / "pubmed" / "pubmedqa" / "abstracts.jsonl").open() as file:
        assert all(json.loads(line)["pmid"].isdigit() for line in file)
