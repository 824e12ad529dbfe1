import gzip
import html
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section, chunk
from knowledge.sources.html import read_html
from knowledge.sources.markdown import read_markdown

CHAPTER = """<!DOCTYPE html>
<html lang="en"><head><title>The Lungs | Publisher</title>
<meta name="DC.date" content="2013-06-19">
<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">
<style>p { color: red }</style><script>var secret = "<p>not text</p>";</script></head>
<body>
<header><img src="logo.png" alt="Logo"> A publisher</header>
<nav><ol><li><a href="#a">Pleura</a></li></ol></nav>
<main>
<h1>22.2 The Lungs</h1>
<p>Each lung has 10<sup>9</sup> cells with CO<sub>2</sub> &amp; more.<sup><a href="#fn1">1</a></sup>
See the <a href="other.html">other <i>chapter</i></a> by Ewing<a href="#r3">[3]</a>.<!-- draft --></p>
<div hidden>Hidden</div><p style="x">One<br>line, and vitamin B<sup>+</sup>.</p>
<section><h2>Pleura<a class="footnote-ref" href="#n">a</a></h2>
Loose words <b>here</b>
<div><p>First.</p>Second.</div>
<h3>Fluid</h3>
<ul><li>Blunted angle<ul><li>early sign</li></ul></li><li><p>Meniscus</p></li></ul>
<dl><dt>effusion</dt> <dd>fluid in the <em>pleura</em></dd>
<dt>empyema</dt><dd><p>pus</p><p>there</p></dd></dl>
<table><caption>Signs</caption><thead><tr><th>Sign</th><th>Seen</th></tr></thead>
<tbody><tr><td>blunting</td><td><p>often</p><p>here</p></td></tr></tbody></table>
<figure><img alt="A film" src="x.png"><figcaption>Figure 1. A film.</figcaption></figure>
<ul><li><a href="a">One</a></li><li><a href="b">Two</a></li><li><a href="c">Three</a></li></ul>
<h3>References</h3><ol><li>Ewing J. A book. 1931.</li></ol><h4>Online</h4><p>A site.</p>
<h2>2. Summary</h2><p>All of it.</p></section>
<section role="doc-endnotes"><ol><li id="fn1">A note.</li></ol></section>
</main>
<footer>Copyright</footer></body></html>"""


def _write(folder: Path, text: str | bytes, name: str = "lungs.html") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def _read(path: Path, license_: str = "unknown") -> list[Document]:
    return list(read_html(path, source="book", license=license_))


def test_a_page_keeps_its_words_under_their_heading_path(tmp_path: Path) -> None:
    assert _read(_write(tmp_path, CHAPTER)) == [
        Document(
            id="lungs.html",
            title="22.2 The Lungs",
            sections=(
                Section(
                    "",
                    "Each lung has 10^9 cells with CO2 & more. See the other chapter by Ewing.\n\n"
                    "One line, and vitamin B+.",
                ),
                Section("Pleura", "Loose words here\n\nFirst.\n\nSecond."),
                Section(
                    "Pleura > Fluid",
                    "Blunted angle\n\nearly sign\n\nMeniscus\n\neffusion: fluid in the pleura\n\n"
                    "empyema: pus\n\nthere\n\nSigns\n\nSign | Seen\n\nblunting | often here\n\n"
                    "Figure 1. A film.",
                ),
                Section("2. Summary", "All of it."),
            ),
            source="book",
            license="CC BY 4.0",
            year=2013,
        )
    ]
    locators = {passage.locator for passage in chunk(_read(tmp_path / "lungs.html")[0])}
    assert "lungs.html, Pleura > Fluid" in locators


@pytest.mark.parametrize(
    ("head", "license_"),
    [
        ('<meta name="dc.rights" content=" Copyright 2020  The Press ">', "Copyright 2020 The Press"),
        ('<meta property="license" content="http://creativecommons.org/publicdomain/zero/1.0/">', "CC0 1.0"),
        ('<link rel="license" href="//creativecommons.org/licenses/by-nc-sa/3.0/us/">', "CC BY-NC-SA 3.0 US"),
        ("", "unknown"),
    ],
)
def test_the_licence_of_the_page_counts_where_none_is_configured(
    tmp_path: Path, head: str, license_: str
) -> None:
    path = _write(tmp_path, f"<html><head>{head}</head><body>Text.</body></html>")
    assert _read(path)[0].license == license_
    assert _read(path, "own work")[0].license == "own work"


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title> The\n Skin </title><p>Text.", "The Skin"),
        ("<title>Site</title><h1>The <i>Skin</i></h1><p>Text.", "The Skin"),
        ('<meta name="citation_title" content="Skin"><h1>Other</h1><p>Text.', "Skin"),
        ("<h3>Moles</h3><p>Text.", "Moles"),
        ("Text.", "lungs"),
    ],
)
def test_the_title_is_that_of_the_metadata_or_the_first_heading_or_the_file(
    tmp_path: Path, page: str, title: str
) -> None:
    assert _read(_write(tmp_path, page))[0].title == title


def test_xhtml_with_empty_elements_and_named_characters_is_read_as_it_stands(tmp_path: Path) -> None:
    page = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html [<!ENTITY own "expanded">]>'
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title/>'
        '<script src="a.js"/></head><body><p>A&nbsp;&beta;-agonist &lt;5&own;.<a epub:type="noteref">x</a>'
        "</p></body></html>"
    )
    (document,) = _read(_write(tmp_path, page, "a.xhtml"))
    assert document.sections == (Section("", "A β-agonist <5."),)


def test_declared_encodings_and_packed_files_are_read(tmp_path: Path) -> None:
    _write(tmp_path, '<meta charset="windows-1252"><p>Röntgen’s'.encode("cp1252"), "a.htm")
    _write(tmp_path, "<p>Röntgen’s".encode("utf-16"), "b.html")
    _write(tmp_path, gzip.compress("\ufeff<p>Röntgen’s".encode()), "c.html.gz")
    assert [(each.id, each.sections[0].text) for each in _read(tmp_path)] == [
        ("a.htm", "Röntgen’s"),
        ("b.html", "Röntgen’s"),
        ("c.html.gz", "Röntgen’s"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<p>R\xf6ntgen", r"lungs\.html is not UTF-8 text \(byte 0xf6 at offset 4\): save it as UTF-8"),
        (b"<meta charset=nonsense><p>\xf6", r"is not nonsense text"),
        (b"<div>" * 5000 + b"deep", "nested too deeply"),
        (b" \n", "holds no page"),
        (b"<html><body><nav>Only this</nav></body></html>", "holds no text"),
    ],
)
def test_what_is_no_page_is_refused_in_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        _read(_write(tmp_path, content))


def test_a_packed_page_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.sources.files.read_bytes.__kwdefaults__", {"at_most": 10_000})
    path = _write(tmp_path, gzip.compress(b"<p>" + b" " * 10_000_000), "bomb.html.gz")
    with pytest.raises(KnowledgeError, match=r"bomb\.html\.gz holds more than 10,000 bytes"):
        _read(path)


PIECES = (
    "<p> </p> <h1> </h2> <table><tr><td> </table> <dl><dd> <dt> <svg> &#0; <ul><li> </ul> <sup>9 <body> "
    "</html> <?x?> <![CDATA[ \0 <main\trole='toc'> <!-- text. &nbsp; <header> <html\txmlns='x'>"
)


@settings(deadline=None, max_examples=150)  # the machine may be busy
@given(st.lists(st.sampled_from(PIECES.split(" ")), max_size=30).map("".join))
def test_broken_markup_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, page: str
) -> None:
    path = _write(tmp_path_factory.mktemp("page"), page)
    try:
        (document,) = _read(path)
    except KnowledgeError:
        return
    assert "<p>" not in str([section.text for section in document.sections if "CDATA" not in section.text])


# kramdown that Markdown proper does not know, as the HTML that it stands for
_KRAMDOWN: tuple[tuple[str, str], ...] = (
    (r"\A---\n.*?^title: \"?(.*?)\"?$.*?\n---\n", r"<h1>\1</h1>\n\n"),
    (r"\s*\((?:see |and |[,;\s]|\\\[link\\\]|\[\\\[link\\\]\]\(#[^)]*\)(?:\*\*\w\*\*)?)+\)", ""),
    (r"!\[[^\]]*(?:\[[^\]]*\][^\]]*)*\]\([^)\"]*\)", ""),
    (
        r"!\[[^\]]*(?:\[[^\]]*\][^\]]*)*\]\([^\"]*\"([^\"]*)\"\s*\)",
        r"\n\n<figure><figcaption>\n\n\1\n\n</figcaption></figure>\n\n",
    ),
    (r"\{:[^{}]*\}|\{[#.][^{}]*\}", ""),
    (r"</?div[^>]*>|<!--.*?-->", "\n\n"),
    (r"^([^\n:]+)\n: (.*?)$", r"\n<dl><dt>\1</dt><dd>\2</dd></dl>\n"),
    (r"^\^\s*$", ""),
    (r"<span data-type=\"title\">(.*?)</span>", r"\n\n\1\n\n"),
)


def textbook_page(markdown: str) -> str:
    """A chapter of the textbook as HTML, by a Markdown library."""
    for pattern, replacement in _KRAMDOWN:
        markdown = re.sub(pattern, replacement, markdown, flags=re.DOTALL | re.MULTILINE)
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    return f"<html><head><title>{html.escape('A & P')}</title></head><body>{body}</body></html>"


@pytest.mark.real
def test_real_chapters_give_the_text_that_their_markdown_gives(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "textbooks" / "openstax_anatomy_physiology"
    for name in ("m46066", "m46443", "m45983"):
        page = textbook_page((folder / f"{name}.md").read_text(encoding="utf-8"))
        (expected,) = read_markdown(folder / f"{name}.md", source="book", license="CC BY")
        (found,) = read_html(_write(tmp_path, page, f"{name}.html"), source="book", license="CC BY")
        assert found.title == expected.title
        assert [each.heading for each in found.sections] == [each.heading for each in expected.sections]
        for one, other in zip(found.sections, expected.sections, strict=True):
            assert one.text.split() == other.text.split()
