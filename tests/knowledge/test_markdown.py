import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section, chunk
from knowledge.sources.markdown import read_markdown
from knowledge.sources.plain_text import read_plain_text

CHAPTER = """---
title: "The Skin"
layout: page
---

<div data-type="abstract" markdown="1">
By the end you will be able to:
* Name the **layers**{: data-type="term"}
* Spell *stratum corneum*
{: .wide}

</div>

### Moles <!-- draft -->

A mole has 10<sup>9</sup> cells with CO<sub>2</sub> &amp; more ([\\[link\\]](#fig-1)**a**). See the
[ABCDE rule][1] or the [site](https://example.org/a_b "tip"), and HLA\\_B is snake_case_here.

![Photo of a [large] mole.](../a (1).jpg "Moles have irregular borders."){: #fig-1 data-title="Moles"}

mole
: a growth of the skin
^

<span data-type="title">Everyday: Sun</span> Burns are red.<script>alert(1)</script>

<table id="t"><thead><tr><th>Sign</th><th>Seen</th></tr></thead><tbody>
<tr><td>
asymmetry</td><td>often <b>here</b></td></tr></tbody></table>

| A | B |
| --- | --- |
| one | two |

Deeper
------

> Quoted text,
> in two lines.

```
code
```

<h3 class="x">Summary</h3>
1. ***First***
2. Second

### Review Questions

What is red?

#### Answers

All of it.

### Glossary
{: data-type="glossary-title"}

acne
: a *disease*

[1]: http://example.org
"""


def _write(folder: Path, text: str, name: str = "m1.md") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def _read(path: Path) -> list[Document]:
    return list(read_markdown(path, source="book", license="CC BY 3.0"))


def test_a_chapter_keeps_its_words_and_loses_its_markup(tmp_path: Path) -> None:
    (document,) = _read(_write(tmp_path, CHAPTER))
    assert (document.id, document.title) == ("m1.md", "The Skin")
    assert document.sections == (
        Section("", "By the end you will be able to:\n\nName the layers\n\nSpell stratum corneum"),
        Section(
            "Moles",
            "A mole has 10^9 cells with CO2 & more. See the ABCDE rule or the site, "
            "and HLA_B is snake_case_here.\n\n"
            "Moles have irregular borders.\n\n"
            "mole: a growth of the skin\n\n"
            "Everyday: Sun\n\nBurns are red.\n\n"
            "Sign | Seen\n\nasymmetry | often here\n\n"
            "A | B\n\none | two",
        ),
        Section("Deeper", "Quoted text, in two lines."),
        Section("Deeper > Summary", "First\n\nSecond"),
        Section("Deeper > Glossary", "acne: a disease"),
    )


def test_headings_to_leave_out_take_their_subsections_along_unless_told_otherwise(tmp_path: Path) -> None:
    path = _write(tmp_path, CHAPTER)
    assert "All of it." not in str(_read(path))
    (whole,) = read_markdown(path, source="book", license="", without=())
    assert [section.heading for section in whole.sections][-3:] == [
        "Deeper > Review Questions",
        "Deeper > Review Questions > Answers",
        "Deeper > Glossary",
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("---\ntitle: Heart\n---\nText.", "Heart"),
        ("---\ntitle: 'The heart: a pump'\n---\n# Other\nText.", "The heart: a pump"),
        ("---\nauthor: N\n---\n\n# *Lungs*\n\nText.", "Lungs"),
        ("Skin\n====\nText.", "Skin"),
        ("Text only.", "m1"),
        ("---\n\nA rule, not front matter.\n\n---\n\n# Bone\nText.", "Bone"),
    ],
)
def test_the_title_is_that_of_the_front_matter_or_the_first_heading_or_the_file(
    tmp_path: Path, text: str, title: str
) -> None:
    assert _read(_write(tmp_path, text))[0].title == title


def test_a_folder_is_read_in_order_and_ids_are_paths_below_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    _write(tmp_path, "# B\nText.", "b.md")
    _write(tmp_path / "deep", "# A\r\n\r\nText.", "a.markdown")
    _write(tmp_path, "file,title", "index.csv")
    _write(tmp_path, "", "empty.md")
    assert [(d.id, d.sections[0].text) for d in _read(tmp_path)] == [
        ("b.md", "Text."),
        ("deep/a.markdown", "Text."),
    ]


def test_plain_text_keeps_paragraphs_and_is_named_by_its_file(tmp_path: Path) -> None:
    _write(tmp_path, "\ufeffOne\nline.\n\nTwo.", "heart_notes.txt")
    (document,) = read_plain_text(tmp_path, source="notes", license="own")
    assert (document.id, document.title) == ("heart_notes.txt", "heart notes")
    assert [passage.text for passage in chunk(document)] == ["One line.\nTwo."]


@pytest.mark.parametrize("reader", [read_markdown, read_plain_text])
def test_missing_empty_and_foreign_files_are_named(
    tmp_path: Path, reader: Callable[..., Iterator[Document]]
) -> None:
    for name, content, message in [
        ("absent", None, "no file or folder"),
        ("blank.md", b" \n", "holds no text"),
        ("latin.md", "Röntgen".encode("latin-1"), r"latin\.md is not UTF-8 text \(byte 0xf6 at offset 1\)"),
        ("cut.txt.gz", b"\x1f\x8b\x08cut", r"cut\.txt\.gz cannot be read"),
    ]:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(KnowledgeError, match=message):
            list(reader(tmp_path / name, source="s", license=""))


@pytest.mark.real
def test_the_real_textbook_leaves_no_markup_behind(shared_data: Path) -> None:
    documents = _read(shared_data / "textbooks" / "openstax_anatomy_physiology")
    passages = [passage for document in documents for passage in chunk(document)]
    assert len(documents) == 170
    for markup in (
        r"\{:",
        r"</?(?:div|span|t[dhr]|su[bp]|math|m\w+)\b",
        r"\*\*",
        r"!\[",
        r"data-type",
        r"MathType",
    ):
        assert not [passage.id for passage in passages if re.search(markup, passage.text)], markup
    melanoma = "Melanomas typically present as large brown or black patches with uneven borders"
    assert any(
        melanoma in passage.text and passage.locator == "m46066.md, Diseases > Melanoma"
        for passage in passages
    )
    assert not any("Review Questions" in passage.locator for passage in passages)
