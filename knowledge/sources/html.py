"""HTML and XHTML pages as documents: one file, one document, a section a heading."""

from collections.abc import Collection, Iterator
from pathlib import Path

from lxml import etree

from knowledge.passages import Document
from knowledge.sources.facts import license_of, year_of
from knowledge.sources.files import read_bytes
from knowledge.sources.headings import LEFT_OUT, sections_of
from knowledge.sources.left_out import LeftOut, read_each
from knowledge.sources.markup import local_name, parse_markup, tokens
from knowledge.sources.page_text import blocks_of, content_of, text_of

SUFFIXES = (".html", ".htm", ".xhtml", ".html.gz", ".htm.gz", ".xhtml.gz")

_TITLES = ("citation_title", "dc.title", "dcterms.title")
_LICENSES = (
    "dcterms.license",
    "dc.rights.license",
    "license",
    "dcterms.rights",
    "dc.rights",
    "rights",
    "copyright",
)
_DATES = (
    "citation_publication_date",
    "citation_date",
    "dcterms.issued",
    "dc.date.issued",
    "dcterms.date",
    "dc.date",
    "article:published_time",
    "date",
)


def read_html(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    without: Collection[str] = LEFT_OUT,
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document a file, with a section a heading; headings in `without` (lower case) are left out.

    Navigation, scripts, footnotes and their marks go. Where `license` is unknown, the one that the page names
    counts.

    In a folder, a broken file is passed over; `left_out` is told of it, and of documents without text.

    Raises:
        KnowledgeError: The path is missing or empty, or a file is no page.
    """
    yield from read_each(
        path,
        SUFFIXES,
        lambda file, name: [_document(file, name, source, license, without)],
        left_out,
    )


def _document(file: Path, name: str, source: str, license_: str, without: Collection[str]) -> Document:
    root = parse_markup(read_bytes(file), str(file))
    meta = meta_of(root)
    blocks = list(blocks_of(content_of(root)))
    titles = (
        *(meta.get(each) for each in _TITLES),
        next((block.text for block in blocks if block.level == 1), None),
        next((text_of(each) for each in root.iter() if local_name(each) == "title"), None),
        next((block.text for block in blocks if block.level), None),
    )
    title = next((each for each in titles if each), file.name.partition(".")[0])
    return Document(
        id=name,
        title=title,
        sections=tuple(sections_of(blocks, title=title, without=without)),
        source=source,
        license=license_of(license_, licenses_of(root, meta)),
        year=year_of(meta.get(each) for each in _DATES),
    )


def meta_of(root: etree._Element) -> dict[str, str]:
    """Content of the page's `meta` elements by name in lower case; the first of a name counts."""
    found: dict[str, str] = {}
    for each in root.iter():
        if local_name(each) == "meta":
            name = str(each.get("name") or each.get("property") or "").lower()
            found.setdefault(name, " ".join(str(each.get("content", "")).split()))
    return found


def licenses_of(root: etree._Element, meta: dict[str, str]) -> Iterator[str | None]:
    """What the page says of its licence: links with `rel=license` first, then its `meta` elements."""
    links = [
        each for each in root.iter() if local_name(each) in {"a", "link"} and "license" in tokens(each, "rel")
    ]
    yield from (str(each.get("href", "")) for each in links if "creativecommons.org" in str(each.get("href")))
    yield from (text_of(each) or str(each.get("href", "")) for each in links)
    yield from (meta.get(each) for each in _LICENSES)
