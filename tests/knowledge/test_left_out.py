import gzip
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge.errors import KnowledgeError
from knowledge.sources import files
from knowledge.sources.epub import read_epub
from knowledge.sources.files import read_text, text_lines
from knowledge.sources.html import read_html
from knowledge.sources.left_out import LeftOut
from knowledge.sources.markdown import read_markdown
from knowledge.sources.plain_text import read_plain_text
from knowledge.sources.pmc_nxml import read_pmc_nxml
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records

PAGE = b"<html><body><h1>Lung</h1><p>Clear.</p></body></html>"
ARTICLE = (
    '<article{kind}><front><article-meta><article-id pub-id-type="pmc">{id}</article-id></article-meta>'
    "</front><body><p>{text}</p></body></article>"
)
RECORD = (
    "<PubmedArticle><MedlineCitation><PMID>{id}</PMID><Article><ArticleTitle>T</ArticleTitle>{text}"
    "<PublicationTypeList><PublicationType>{kind}</PublicationType></PublicationTypeList></Article>"
    "</MedlineCitation></PubmedArticle>\n"
)
ABSTRACT = "<Abstract><AbstractText>Text.</AbstractText></Abstract>"


def _article(number: int, text: str = "Clear.", *, kind: str = "") -> bytes:
    return ARTICLE.format(id=number, text=text, kind=kind).encode()


def _record(number: int, text: str = ABSTRACT, *, kind: str = "Journal Article") -> str:
    return RECORD.format(id=number, text=text, kind=kind)


@pytest.mark.parametrize(
    ("read", "names", "good", "broken"),
    [
        (read_html, ("a.html", "b.html"), PAGE, b" \n"),
        (read_markdown, ("a.md", "b.md"), b"# Lung\n\nClear.", b"\xff"),
        (read_plain_text, ("a.txt", "b.txt"), b"Clear.", b"\xff"),
        (read_pmc_nxml, ("a.nxml", "b.nxml"), _article(1), b"<html/>"),
        (
            read_pubmed_xml,
            ("a.xml", "b.xml"),
            f"<PubmedArticleSet>{_record(1)}</PubmedArticleSet>".encode(),
            b"",
        ),
    ],
)
def test_a_broken_file_of_a_folder_is_counted_and_named(
    tmp_path: Path, read: Callable[..., object], names: tuple[str, str], good: bytes, broken: bytes
) -> None:
    (tmp_path / names[0]).write_bytes(good)
    (tmp_path / names[1]).write_bytes(broken)
    left_out = LeftOut()
    documents = list(read(tmp_path, source="s", license="l", left_out=left_out))  # type: ignore[call-overload]
    assert len(documents) == 1
    (sentence,) = left_out.sentences()
    assert sentence.startswith("files or records that could not be read: 1, namely ")
    assert names[1] in sentence
    for alone in (tmp_path / names[1], tmp_path / "folder"):
        if alone.name == "folder":
            alone.mkdir()
            shutil.copy(tmp_path / names[1], alone)
        with pytest.raises(KnowledgeError, match=names[1]):
            list(read(alone, source="s", license="l", left_out=LeftOut()))  # type: ignore[call-overload]


def test_a_broken_book_does_not_hide_that_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.epub").write_bytes(b"no book")
    (tmp_path / "b.epub").write_bytes(b"no book either")
    with pytest.raises(KnowledgeError, match=r"a\.epub"):
        list(read_epub(tmp_path, source="s", license="l"))


def test_documents_without_text_are_counted_and_the_first_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(PAGE)
    for number in range(5):
        (tmp_path / f"b{number}.html").write_text("<html><body><nav>Only this</nav></body></html>")
    left_out = LeftOut()
    assert len(list(read_html(tmp_path, source="s", license="l", left_out=left_out))) == 1
    assert left_out.sentences() == ("documents without text left out: 5, e.g. b0.html; b1.html; b2.html",)


def test_articles_without_text_and_notices_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.nxml").write_bytes(_article(1))
    (tmp_path / "b.nxml").write_bytes(_article(2, ""))
    (tmp_path / "c.nxml").write_bytes(_article(3, kind=' article-type="retraction"'))
    left_out = LeftOut()
    assert len(list(read_pmc_nxml(tmp_path, source="s", license="l", left_out=left_out))) == 1
    assert left_out.sentences() == (
        "notices of retraction left out: 1, namely PMC3",
        "documents without text left out: 1, namely PMC2",
    )


def test_records_of_pubmed_without_abstract_notices_and_broken_ones_are_counted(tmp_path: Path) -> None:
    parts = [_record(1), _record(2, ""), _record(3, kind="Retraction of Publication"), _record(4)]
    bad = "<PubmedArticle><MedlineCitation/></PubmedArticle>"
    (tmp_path / "a.xml").write_text(f"<PubmedArticleSet>{''.join(parts)}{bad}</PubmedArticleSet>")
    left_out = LeftOut()
    found = [each.id for each in read_pubmed_xml(tmp_path, source="s", license="l", left_out=left_out)]
    assert found == ["pmid:1", "pmid:4"]
    without, notices, broken = left_out.sentences()
    assert without == "documents without text left out: 1, namely pmid:2"
    assert notices == "notices of retraction left out: 1, namely pmid:3"
    assert "without PMID" in broken


def test_a_broken_line_of_a_table_ends_the_reading_and_empty_records_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "text": "Clear."}\n{"id": "2", "text": " "}\n')
    left_out = LeftOut()
    fields = RecordFields()
    assert len(list(read_records(tmp_path, source="s", license="l", fields=fields, left_out=left_out))) == 1
    assert left_out.sentences() == ("documents without text left out: 1, namely 2",)
    (tmp_path / "b.jsonl").write_text("nonsense\n")
    with pytest.raises(KnowledgeError, match=r"b\.jsonl line 1 is not JSON"):
        list(read_records(tmp_path, source="s", license="l", fields=fields, left_out=left_out))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_records_are_streamed(tmp_path: Path, name: str) -> None:
    rows = range(20_000)
    lines = {
        "a.jsonl.gz": "".join(f'{{"id": "{row}", "text": "{"x" * 200}"}}\n' for row in rows),
        "a.csv.gz": "id,text\n" + "".join(f"{row},{'x' * 200}\n" for row in rows),
    }
    (tmp_path / name).write_bytes(gzip.compress(lines[name].encode(), 1))
    tracemalloc.start()
    with_lines = sum(1 for _ in text_lines(tmp_path / name))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert with_lines in {20_000, 20_001}
    assert peak < len(lines[name]) / 8


def test_what_unpacks_to_more_than_is_sensible_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)
    monkeypatch.setattr(files, "LARGEST", 1000)
    for name in ("a.jsonl.gz", "a.txt.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"ab\n" + b" " * 1_000_000))
    with pytest.raises(KnowledgeError, match=r"a\.jsonl\.gz line 2 is longer than 1,000 characters"):
        list(text_lines(tmp_path / "a.jsonl.gz"))
    with pytest.raises(KnowledgeError, match=r"a\.txt\.gz holds more than 1,000 bytes"):
        read_text(tmp_path / "a.txt.gz")


def test_the_offset_of_a_bad_byte_counts_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    before = "é\n".encode() * 50_000
    for content in (before + b"\xff\n", before + b"\xc3"):
        path.write_bytes(content)
        with pytest.raises(KnowledgeError, match=rf"at offset {len(before)}\)"):
            list(text_lines(path))
    path.write_bytes(b"\xef\xbb\xbfa\rb\r\nc")
    assert list(text_lines(path)) == ["a\r", "b\r\n", "c"]
