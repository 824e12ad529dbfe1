import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section, chunk
from knowledge.sources.pdf import extraction, read_pdf


@dataclass
class Pdf:
    """Writes a PDF file by hand: pages of (x, y, size, text), nested bookmarks, metadata."""

    pages: list[list[tuple[float, float, float, str]]]
    outline: list[tuple[int, str, int, float]] = field(default_factory=list)  # level, title, page, y
    info: str = ""
    xmp: str = ""
    extra: str = ""
    objects: list[bytes] = field(default_factory=list)

    def add(self, content: str, stream: bytes | None = None) -> int:
        body = content.encode("latin-1")
        if stream is not None:
            body = b"<< /Length %d %b >> stream\n%b\nendstream" % (len(stream), body, stream)
        self.objects.append(body)
        return len(self.objects)

    def bookmarks(self, first_page: int) -> str:
        if not self.outline:
            return ""
        root = self.add("")
        ids = [self.add("") for _ in self.outline]
        parents = [
            next((ids[j] for j in range(i - 1, -1, -1) if self.outline[j][0] < level), root)
            for i, (level, *_) in enumerate(self.outline)
        ]
        for i, (_, title, page, y) in enumerate(self.outline):
            beside = [other for other, parent in zip(ids, parents, strict=True) if parent == parents[i]]
            place = beside.index(ids[i])
            links = f"/Prev {beside[place - 1]} 0 R " if place else ""
            links += f"/Next {beside[place + 1]} 0 R " if place + 1 < len(beside) else ""
            target = f"/Dest [{first_page + 2 * page} 0 R /XYZ 0 {y} null]"
            self.objects[ids[i] - 1] = (
                f"<< /Title ({title}) /Parent {parents[i]} 0 R {links}{target} "
                f"{self.kids(ids, parents, ids[i])} >>"
            ).encode()
        self.objects[root - 1] = f"<< /Type /Outlines {self.kids(ids, parents, root)} >>".encode()
        return f"/Outlines {root} 0 R"

    @staticmethod
    def kids(ids: Sequence[int], parents: Sequence[int], parent: int) -> str:
        below = [each for each, over in zip(ids, parents, strict=True) if over == parent]
        return f"/First {below[0]} 0 R /Last {below[-1]} 0 R /Count {len(below)}" if below else ""

    def write(self, path: Path) -> Path:
        self.objects = []
        font = self.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
        tree, first = 2, 3
        self.add("")
        for lines in self.pages:
            drawn = "".join(f"BT /F {size} Tf {x} {y} Td ({text}) Tj ET\n" for x, y, size, text in lines)
            self.add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 400 600] "
                f"/Resources << /Font << /F {font} 0 R >> >> /Contents {len(self.objects) + 2} 0 R >>"
            )
            self.add("", drawn.encode("cp1252"))
        kids = " ".join(f"{first + 2 * i} 0 R" for i in range(len(self.pages)))
        self.objects[tree - 1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(self.pages)} >>".encode()
        outline = self.bookmarks(first)
        metadata = (
            f"/Metadata {self.add('/Type /Metadata /Subtype /XML', self.xmp.encode())} 0 R"
            if self.xmp
            else ""
        )
        root = self.add(f"<< /Type /Catalog /Pages {tree} 0 R {outline} {metadata} >>")
        info = self.add(f"<< {self.info} >>")
        out = io.BytesIO()
        out.write(b"%PDF-1.6\n")
        places = []
        for number, body in enumerate(self.objects, start=1):
            places.append(out.tell())
            out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        start = out.tell()
        out.write(f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode())
        out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
        size = len(places) + 1
        out.write(f"trailer << /Size {size} /Root {root} 0 R /Info {info} 0 R {self.extra} >>\n".encode())
        out.write(f"startxref\n{start}\n%%EOF".encode())
        path.write_bytes(out.getvalue())
        return path


def page(
    *lines: str, head: str = "", number: str = "", size: float = 10
) -> list[tuple[float, float, float, str]]:
    """A page of lines under each other, with a running head and its number."""
    drawn = [(40.0, 500.0 - 12 * i, size, text) for i, text in enumerate(lines)]
    return [
        *([(40.0, 570.0, 8.0, head)] if head else []),
        *drawn,
        *([(190.0, 20.0, 8.0, number)] if number else []),
    ]


def _read(path: Path, license_: str = "unknown") -> list[Document]:
    return list(read_pdf(path, source="book", license=license_))


BOOK = Pdf(
    pages=[
        page("A Book of the Chest", number="i"),
        page("Contents", "22 The Lungs . . . . . . . . . . . 12", "23 Skin . . . . . . . . . . . . . . . 40"),
        page(
            "Chapter 22 The Lungs",
            "Two lungs fill the tho-",
            "rax.",
            "Pleura",
            "The mem-",
            head="The Lungs",
            number="12",
        ),
        page("brane of the pleura is thin. It", "secretes fluid.", head="The Lungs", number="13"),
        page(
            "Fluid",
            "An effusion blunts",
            "the angle.",
            "References",
            "Ewing J. 1931.",
            head="The Lungs",
            number="14",
        ),
        page("Skin", "The thorax has skin, too.", head="Skin", number="15"),
    ],
    outline=[
        (0, "Chapter 22  The Lungs", 2, 520),
        (1, "Pleura", 2, 476),
        (2, "Fluid in it", 4, 511),
        (1, "References", 4, 470),
        (0, "Skin", 5, 520),
    ],
    info="/Title (The Chest) /CreationDate (D:20130619120000Z)",
    xmp='<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#">'
    '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">Some rights</rdf:li></rdf:Alt></dc:rights>'
    '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/></rdf:Description></rdf:RDF></x:xmpmeta>',
)


def test_bookmarks_head_the_sections_and_what_pages_repeat_is_gone(tmp_path: Path) -> None:
    lungs = "Chapter 22 The Lungs"
    documents = _read(BOOK.write(tmp_path / "chest.pdf"))
    assert [(each.id, each.title, each.sections) for each in documents] == [
        ("chest.pdf/0", "The Chest", (Section("p. 1", "A Book of the Chest"),)),
        (
            "chest.pdf/1",
            f"The Chest: {lungs}",
            (
                Section(lungs, "Two lungs fill the thorax."),
                Section(f"{lungs} > Pleura", "The membrane of the pleura is thin. It secretes fluid."),
                Section(f"{lungs} > Pleura > Fluid in it", "Fluid An effusion blunts the angle."),
            ),
        ),
        ("chest.pdf/2", "The Chest: Skin", (Section("Skin", "The thorax has skin, too."),)),
    ]
    assert {(each.license, each.year) for each in documents} == {("CC BY 4.0", 2013)}
    assert {each.license for each in _read(tmp_path, "bought")} == {"bought"}
    assert chunk(documents[1])[1].locator == f"chest.pdf/1, {lungs} > Pleura"


def test_without_bookmarks_a_sentence_stands_on_the_page_on_which_it_begins(tmp_path: Path) -> None:
    path = Pdf(
        [
            page("The first page ends in", "a sentence that goes", head="Vol. 1", number="1"),
            page("on here. The second page", "is short.", "\\225 a bullet", head="Vol. 2", number="2"),
            page(
                "References",
                "[1] Ewing J. A book. 1931.",
                "[2] Other N, et al. Title.",
                head="Vol. 3",
                number="Page 3",
            ),
        ]
    ).write(tmp_path / "two_pages.pdf")
    (document,) = _read(path)
    assert (document.id, document.title) == ("two_pages.pdf", "two pages")
    assert document.sections == (
        Section("p. 1", "The first page ends in a sentence that goes on here."),
        Section("p. 2", "The second page is short.\n\na bullet"),
    )


def test_hyphens_at_line_ends_go_by_the_words_of_the_file(tmp_path: Path) -> None:
    lines = [
        "Atelec-",
        "tasis is a well-",
        "known sign on an X-",
        "ray of children-",
        "and adults. A well-known",
        "sign is air-",
        "fluid.",
    ]
    lines += ["Children and fluid and air are seen and", "Atelectasis and HLA-", "B, mg/", "ml."]
    (document,) = _read(Pdf([page(*lines)]).write(tmp_path / "a.pdf"))
    assert document.sections[0].text == (
        "Atelectasis is a well-known sign on an X-ray of children-and adults. A well-known sign is "
        "air-fluid.\n\n"
        "Children and fluid and air are seen and Atelectasis and HLA-B, mg/ml."
    )


def test_raised_marks_go_and_raised_exponents_stay_powers(tmp_path: Path) -> None:
    line = [(40.0, 500.0, 10.0, "It was seen."), (94.8, 504.0, 6.0, "12"), (105.0, 500.0, 10.0, "It has 10")]
    line += [(143.6, 504.0, 6.0, "9"), (150.0, 500.0, 10.0, "cells per cm"), (203.4, 504.0, 6.0, "3")]
    (document,) = _read(Pdf([line]).write(tmp_path / "a.pdf"))
    assert document.sections[0].text.replace(" ", "") == "Itwasseen.Ithas10^9cellspercm3"


def test_a_file_that_another_program_drew_gives_its_text(tmp_path: Path) -> None:
    text = [
        "The costophrenic angle is sharp in a normal",
        "film. Blunting of the costophre-",
        "nic angle is a sign of fluid.",
    ]
    with (
        mpl.rc_context({"pdf.fonttype": 42}),
        PdfPages(tmp_path / "plot.pdf", metadata={"Title": "Angles"}) as pages,
    ):
        for number in (1, 2, 3):
            figure = Figure(figsize=(5, 7))
            figure.text(0.1, 0.97, "A running head")
            figure.text(0.5, 0.02, str(number))
            for i, each in enumerate(text):
                figure.text(0.1, 0.7 - 0.03 * i, each, fontsize=10)
            pages.savefig(figure)
    (document,) = _read(tmp_path / "plot.pdf")
    whole = (
        "The costophrenic angle is sharp in a normal film. "
        "Blunting of the costophrenic angle is a sign of fluid."
    )
    assert document.title == "Angles"
    assert document.sections == tuple(Section(f"p. {number}", whole) for number in (1, 2, 3))


def test_the_rights_of_a_picture_are_not_those_of_the_book(tmp_path: Path) -> None:
    book = Pdf([page("Text.")], info="/Copyright (The Press 2020) /CreationDate (D:2019)")
    path = book.write(tmp_path / "a.pdf")
    packets = (BOOK.xmp + "\n").encode() * 2
    path.write_bytes(
        path.read_bytes().replace(b"\nendobj", b"\nendobj\n%" + packets.replace(b"\n", b"\n%") + b"\n", 1)
    )
    assert [(each.license, each.year) for each in _read(path)] == [("The Press 2020", 2019)]


PASSWORD = (
    f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'31' * 32}> /U <{'32' * 32}> >> /ID [<00> <00>]"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Pdf([page("Text.")], extra=PASSWORD), "is encrypted and opens with a password only"),
        (Pdf([[], []]), "holds no text on its 2 pages, only pictures of it: run text recognition"),
        (b"%PDF-1.7\nnothing", "is no sound PDF file"),
        (b"", "is no sound PDF file"),
        (Pdf([page("9")] * 2, outline=[(0, "Index", 0, 599)]), "holds no text"),
    ],
)
def test_what_is_no_readable_file_is_refused_in_one_sentence(
    tmp_path: Path, content: Pdf | bytes, message: str
) -> None:
    path = tmp_path / "a.pdf"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.write(path)
    with pytest.raises(KnowledgeError, match=message) as caught:
        _read(path)
    assert str(path) in str(caught.value)


def test_bounds_on_pages_and_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = BOOK.write(tmp_path / "a.pdf")
    monkeypatch.setattr(extraction, "MOST_CHARACTERS", 80)
    with pytest.raises(KnowledgeError, match="more than 80 characters on page 2"):
        _read(path)
    monkeypatch.setattr(extraction, "MOST_PAGES", 5)
    with pytest.raises(KnowledgeError, match="more than 5 pages"):
        _read(path)


def test_the_missing_package_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(KnowledgeError, match=r"needs the package pypdfium2: .*pip install 'knobo\[books\]'"):
        _read(BOOK.write(tmp_path / "a.pdf"))


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(place=st.floats(0, 1), noise=st.binary(min_size=1, max_size=30))
def test_a_damaged_file_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, place: float, noise: bytes
) -> None:
    path = BOOK.write(tmp_path_factory.mktemp("damaged") / "a.pdf")
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + noise + content[start + len(noise) :])
    try:
        _read(path)
    except KnowledgeError as error:
        assert "a.pdf" in str(error)  # noqa: PT017 - it may also be read


@pytest.mark.real
def test_a_real_chapter_set_with_hyphens_gives_its_words_back(shared_data: Path, tmp_path: Path) -> None:
    from knowledge.sources.markdown import read_markdown

    chapter = shared_data / "textbooks" / "openstax_anatomy_physiology" / "m46066.md"
    (expected,) = read_markdown(chapter, source="book", license="")
    words = (
        " ".join(section.text for section in expected.sections).encode("cp1252", "ignore").decode("cp1252")
    )
    lines = _hyphenated(words.replace("(", "").replace(")", "").replace("\\", "").split(), width=60)
    pages = [page(*lines[i : i + 35], head="Skin", number=str(i)) for i in range(0, len(lines), 35)]
    (document,) = _read(Pdf(pages).write(tmp_path / "skin.pdf"))
    found = " ".join(section.text for section in document.sections).split()
    wanted = words.replace("(", "").replace(")", "").replace("\\", "").split()
    same = sum(one == other for one, other in zip(found, wanted, strict=False))
    assert len(found) == len(wanted)
    assert same / len(wanted) > 0.995


def _hyphenated(words: list[str], width: int) -> list[str]:
    """Lines of a width, every long word that does not fit cut in its middle."""
    lines, line = list[str](), ""
    for word, _ in pairwise([*words, ""]):
        if len(line) + len(word) < width:
            line += f" {word}" if line else word
        elif len(word) > 7 and word.isalpha():
            lines.append(f"{line} {word[: len(word) // 2]}-")
            line = word[len(word) // 2 :]
        else:
            lines.append(line)
            line = word
    return [*lines, line]
