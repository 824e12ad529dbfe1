import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section, chunk
from knowledge.sources import epub_package
from knowledge.sources.epub import read_epub
from knowledge.sources.markdown import read_markdown

CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>"""
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<dc:title>Chest &amp; Skin</dc:title><dc:date opf:event="modification">2021</dc:date>
<dc:date opf:event="publication">2013-06-19</dc:date>
<dc:rights>Licensed under http://creativecommons.org/licenses/by/3.0/</dc:rights></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>
<item id="c1" href="text/lungs%201.xhtml" media-type="application/xhtml+xml"/>
<item id="c1b" href="text/lungs2.xhtml" media-type="application/xhtml+xml"/>
<item id="c2" href="text/skin.xhtml" media-type="application/xhtml+xml"/>
<item id="ix" href="text/index.xhtml" media-type="application/xhtml+xml"/>
<item id="answers" href="text/answers.xhtml" media-type="application/xhtml+xml"/>
<item id="web" href="https://example.org/x.mp4" media-type="video/mp4"/>
<item id="pic" href="a.jpg" media-type="image/jpeg"/></manifest>
<spine toc="ncx"><itemref idref="cover"/><itemref idref="nav"/><itemref idref="c1"/><itemref idref="c1b"/>
<itemref idref="c2"/><itemref idref="ix"/><itemref idref="answers" linear="no"/></spine></package>"""
NAVIGATION = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><h1>Contents</h1><ol><li><span>Part One</span><ol>
<li><a href="text/lungs%201.xhtml">Chapter 22 <i>The Lungs</i></a><ol>
<li><a href="text/lungs%201.xhtml#p">Pleura</a></li></ol></li></ol></li>
<li><a href="text/skin.xhtml">Skin</a></li><li><a href="text/index.xhtml">Index</a></li></ol></nav>
<nav epub:type="landmarks"><ol><li><a href="text/skin.xhtml">Start</a></li></ol></nav></body></html>"""
NCX = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>Lungs</text></navLabel><content src="text/lungs%201.xhtml"/>
<navPoint><navLabel><text>Deeper</text></navLabel><content src="text/lungs2.xhtml"/></navPoint></navPoint>
</navMap></ncx>"""


def _page(body: str, kind: str = "bodymatter") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head>'
        f'<body epub:type="{kind}">{body}</body></html>'
    )


FILES = {
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/nav.xhtml": NAVIGATION,
    "OEBPS/toc.ncx": NCX,
    "OEBPS/cover.xhtml": _page("<p>A cover</p>", "cover"),
    "OEBPS/text/lungs 1.xhtml": _page(
        "<h1>The Lungs</h1><p>Two&nbsp;lungs.<a epub:type='noteref' href='#n'>1</a></p><h2>Pleura</h2>"
        "<p>A sac.</p><aside epub:type='footnote' id='n'>A note.</aside>"
    ),
    "OEBPS/text/lungs2.xhtml": _page("<h2>Fluid</h2><p>An effusion.</p>"),
    "OEBPS/text/skin.xhtml": _page("<p>Three layers.</p><h1>Layers</h1><p>Dermis.</p>"),
    "OEBPS/text/index.xhtml": _page("<p>lung, 22</p>"),
    "OEBPS/text/answers.xhtml": _page("<p>C</p>"),
}


def _book(folder: Path, files: Mapping[str, str | bytes], name: str = "book.epub") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for each, content in files.items():
            archive.writestr(each, content)
    return folder / name


def _read(path: Path, license_: str = "unknown") -> list[Document]:
    return list(read_epub(path, source="book", license=license_))


def test_chapters_come_in_reading_order_under_the_headings_of_the_contents(tmp_path: Path) -> None:
    above = "Part One > Chapter 22 The Lungs"
    expected = [
        (
            "text/lungs 1.xhtml",
            "Chest & Skin: Chapter 22 The Lungs",
            (Section(above, "Two lungs."), Section(f"{above} > Pleura", "A sac.")),
        ),
        (
            "text/lungs2.xhtml",
            "Chest & Skin: Chapter 22 The Lungs",
            (Section(f"{above} > Fluid", "An effusion."),),
        ),
        (
            "text/skin.xhtml",
            "Chest & Skin: Skin",
            (Section("Skin", "Three layers."), Section("Skin > Layers", "Dermis.")),
        ),
    ]
    documents = _read(_book(tmp_path, FILES))
    assert documents == [
        Document(f"book.epub/OEBPS/{name}", title, sections, "book", "CC BY 3.0", year=2013)
        for name, title, sections in expected
    ]
    assert chunk(documents[0])[1].locator == f"book.epub/OEBPS/text/lungs 1.xhtml, {above} > Pleura"
    assert {each.license for each in _read(tmp_path, "bought")} == {"bought"}


def test_the_contents_of_an_older_book_stand_in_its_ncx(tmp_path: Path) -> None:
    package = PACKAGE.replace(' properties="nav"', "")
    documents = _read(
        _book(tmp_path, {**FILES, "OEBPS/book.opf": package, "OEBPS/nav.xhtml": _page("", "toc")})
    )
    assert [(each.title, each.sections[0].heading) for each in documents] == [
        ("Chest & Skin: Lungs", "Lungs > The Lungs"),
        ("Chest & Skin: Deeper", "Lungs > Deeper > Fluid"),
        ("Chest & Skin: Deeper", "Lungs > Deeper"),
        ("Chest & Skin: Deeper", "Lungs > Deeper"),
    ]


BILLION = (
    '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    "<package><title>&b;</title></package>"
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"META-INF/container.xml": None}, r"lacks its file META-INF/container\.xml"),
        ({"META-INF/container.xml": "<container/>"}, "names no package document"),
        ({"OEBPS/book.opf": "<package>"}, r"book\.epub, OEBPS/book\.opf is not well-formed XML"),
        ({"OEBPS/book.opf": BILLION}, "holds no text"),
        (
            {"OEBPS/book.opf": PACKAGE.replace('idref="c2"', 'idref="c9"')},
            "lists no file for its chapter 'c9'",
        ),
        ({"OEBPS/text/skin.xhtml": None}, r"lacks its file OEBPS/text/skin\.xhtml"),
        ({"OEBPS/text/skin.xhtml": b"<p>\xff\xe9</p>"}, r"skin\.xhtml is not UTF-8 text"),
        (
            {"OEBPS/book.opf": PACKAGE.replace("text/skin.xhtml", "../../etc/passwd")},
            r"names a file outside the book \(\.\./\.\./etc/passwd\)",
        ),
        ({"OEBPS/book.opf": PACKAGE.replace("text/skin.xhtml", "/etc/passwd")}, "outside the book"),
        ({"OEBPS/book.opf": PACKAGE.replace("text/skin.xhtml", "%2e%2e/../x")}, "outside the book"),
        ({"OEBPS/text/skin.xhtml": "<p>" + " " * 100_000}, r"skin\.xhtml unpacks to more than 50,000 bytes"),
        (
            {
                "META-INF/encryption.xml": "<encryption><EncryptedData><EncryptionMethod "
                'Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/></EncryptedData></encryption>'
            },
            "is protected against copying",
        ),
    ],
)
def test_what_is_no_sound_book_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | bytes | None], message: str
) -> None:
    monkeypatch.setattr(epub_package, "LARGEST", 50_000)
    merged = {**FILES, **changes}
    path = _book(tmp_path, {name: content for name, content in merged.items() if content is not None})
    with pytest.raises(KnowledgeError, match=message) as caught:
        _read(path)
    assert str(tmp_path) in str(caught.value)


def test_bounds_hold_for_the_book_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _book(tmp_path, FILES)
    monkeypatch.setattr(epub_package, "LARGEST_BOOK", 3000)
    with pytest.raises(KnowledgeError, match="unpacks to more than"):
        _read(path)
    monkeypatch.setattr(epub_package, "MOST_FILES", 5)
    with pytest.raises(KnowledgeError, match="holds more than 5 files"):
        _read(path)


def test_a_book_whose_fonts_alone_are_scrambled_is_read(tmp_path: Path) -> None:
    encryption = (
        '<encryption><EncryptedData><EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'
        "</EncryptedData></encryption>"
    )
    assert len(_read(_book(tmp_path, {**FILES, "META-INF/encryption.xml": encryption}))) == 3


@settings(deadline=None, max_examples=80)  # the machine may be busy
@given(place=st.floats(0, 1), noise=st.binary(min_size=1, max_size=40))
def test_a_damaged_file_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, place: float, noise: bytes
) -> None:
    path = _book(tmp_path_factory.mktemp("damaged"), FILES)
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + noise + content[start + len(noise) :])
    try:
        _read(path)
    except KnowledgeError as error:
        assert "book.epub" in str(error)  # noqa: PT017 - it may also be read


@pytest.mark.real
def test_a_real_chapter_gives_the_text_that_its_markdown_gives(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "textbooks" / "openstax_anatomy_physiology" / "m45998.md"
    kramdown = (
        r"\A---\n.*?\n---\n|!\[.*?\]\(.*?\)\{:|\s\([^()]*\[\\\[link.*?\)\)|\{:[^{}]*\}|</?div[^>]*>|"
        r"^: .*?$|^\^$"
    )
    markdown = re.sub(kramdown, "\n\n", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "plain.md").write_text(f"---\ntitle: Atoms\n---\n{markdown}")
    page = MarkdownIt("commonmark", {"html": True, "xhtmlOut": True}).enable("table").render(markdown)
    (expected,) = read_markdown(tmp_path / "plain.md", source="book", license="CC BY")
    found = _read(_book(tmp_path, {**FILES, "OEBPS/text/skin.xhtml": _page(page)}))[-1]
    assert [f"Skin > {each.heading}" if each.heading else "Skin" for each in expected.sections] == [
        each.heading for each in found.sections
    ]
    assert [each.text.split() for each in found.sections] == [each.text.split() for each in expected.sections]
