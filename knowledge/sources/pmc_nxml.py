"""Full articles of PubMed Central: JATS as PMC distributes it, each article with its own licence."""

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.facts import license_name
from knowledge.sources.files import name_within, read_bytes, source_files
from knowledge.sources.headings import LEFT_OUT, sections_of
from knowledge.sources.left_out import NOTICES, LeftOut, each_file, with_text
from knowledge.sources.markup import decoded, local_name, parse_xml
from knowledge.sources.pmc_text import blocks_of, child_of, text_of

SUFFIXES = (".nxml", ".xml", ".nxml.gz", ".xml.gz")

BOILERPLATE = LEFT_OUT | {
    "abbreviations",
    "acknowledgement",
    "acknowledgements",
    "acknowledgment",
    "acknowledgments",
    "author contributions",
    "authors' contributions",
    "authors’ contributions",
    "availability of data and materials",
    "competing interest",
    "competing interests",
    "conflict of interest",
    "conflicts of interest",
    "consent for publication",
    "data availability",
    "data availability statement",
    "disclosure",
    "disclosures",
    "funding",
    "pre-publication history",
    "supplementary data",
    "supplementary material",
    "supplementary materials",
    "supporting information",
}
"""Headings that say nothing of medicine, left out unless told otherwise."""

_LARGEST = 64 << 20
_HREF = "{http://www.w3.org/1999/xlink}href"
_OTHER_ABSTRACTS = frozenset({"graphical", "teaser", "toc", "short", "web-summary"})
_OTHER_DATES = frozenset({"pmc-release", "nihms-submitted", "retracted", "corrected"})
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_NOTICE = b"retracted-article"
_CREATIVE_COMMONS = re.compile(r"creative\s+commons|\bcc[\s-]by\b", re.IGNORECASE)
_PARTS = (
    ("NC", re.compile(r"non[\s‐-]?commercial|\bby-nc", re.IGNORECASE)),
    ("SA", re.compile(r"share[\s‐-]?alike|-sa\b", re.IGNORECASE)),
    ("ND", re.compile(r"no[\s‐-]?deriv|-nd\b", re.IGNORECASE)),
)
_VERSION = re.compile(r"(?<![\d.])([1-4]\.0)(?!\.?\d)")


def read_pmc_nxml(
    path: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    without: Collection[str] = BOILERPLATE,
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """One document an article: its abstract and body, a section a heading.

    References, tables, displayed formulae, footnotes and all matter behind the body are left out, and so are
    headings in `without` (lower case). The licence is the article's own; `license` where it names none. An
    article that stands in several files counts as it is in the last by name. Retracted articles are marked;
    notices of retraction mark the articles that they name and are themselves left out.

    In a folder, a broken file is passed over; `left_out` is told of it, and of documents without text.

    Raises:
        KnowledgeError: The path is missing or empty, or a file is damaged, no XML, or holds no article.
    """
    left_out = left_out or LeftOut()
    files = source_files(path, SUFFIXES)
    articles = _Articles(path, source, license, without, left_out, _retracted_by_all(files))
    documents = each_file(reversed(files), articles.of, left_out.refusal(path))
    yield from with_text(documents, path, left_out)


@dataclass(frozen=True, slots=True)
class _Ids:
    """How an article is known."""

    pmid: str
    pmc: str
    doi: str

    @property
    def known(self) -> set[str]:
        return {each.lower() for each in (self.pmid, self.pmc, self.doi) if each}


@dataclass(frozen=True, slots=True)
class _Articles:
    """What the articles of all files have in common; `seen` are those that a later file holds."""

    path: Path
    source: str
    license: str
    without: Collection[str]
    left_out: LeftOut
    noticed: frozenset[str]
    seen: set[str] = field(default_factory=set)

    def of(self, file: Path) -> Iterator[Document]:
        """The articles of one file that count."""
        for number, article in enumerate(_parsed(file)):
            front = _front(article)
            ids = _ids(front)
            name = name_within(file, self.path) + (f" {number + 1}" if number else "")
            identity = _identity(ids, name)
            if identity in self.seen:
                continue
            if _is_notice(article):
                self.left_out.add(NOTICES, identity)
                continue
            self.seen.add(identity)
            title = text_of(child_of(front, "title-group", "article-title"))
            noticed = not self.noticed.isdisjoint(ids.known)
            yield Document(
                id=identity,
                title=title,
                sections=tuple(_sections(article, front, title, self.without)),
                source=self.source,
                license=_license(front) or self.license,
                retracted=_says_retracted(article, front, title) or noticed,
                year=_year(front),
            )


def _parsed(file: Path) -> list[etree._Element]:
    """The articles of a file: one, or those of a set as E-utilities and OAI-PMH send it."""
    try:
        root = parse_xml(decoded(read_bytes(file, at_most=_LARGEST), str(file)).encode())
    except etree.XMLSyntaxError as error:
        line = error.position[0]
        raise KnowledgeError(
            f"{file} line {line} is not well-formed XML ({error.msg}): fetch the file again."
        ) from error
    found = [root] if local_name(root) == "article" else [each for each in root.iter() if _is_article(each)]
    if not found:
        raise KnowledgeError(
            f"{file} holds no article (its root is {local_name(root)}): "
            "correct the path or the kind of this literature source."
        )
    return found


def _is_article(element: etree._Element) -> bool:
    return local_name(element) == "article" and child_of(element, "front") is not None


def _front(article: etree._Element) -> etree._Element | None:
    return child_of(article, "front", "article-meta")


def _ids(front: etree._Element | None) -> _Ids:
    found = {str(each.get("pub-id-type")): text_of(each) for each in _children(front, "article-id")}
    pmc = (found.get("pmcid") or found.get("pmc") or "").upper().removeprefix("PMC")
    pmid = found.get("pmid", "")
    return _Ids(
        pmid if pmid.isdecimal() else "", f"PMC{pmc}" if pmc.isdecimal() else "", found.get("doi", "")
    )


def _identity(ids: _Ids, name: str) -> str:
    if ids.pmid:
        return f"pmid:{ids.pmid}"
    return ids.pmc or (f"doi:{ids.doi}" if ids.doi else name)


def _children(element: etree._Element | None, name: str) -> list[etree._Element]:
    return [] if element is None else [each for each in element if local_name(each) == name]


def _sections(
    article: etree._Element, front: etree._Element | None, title: str, without: Collection[str]
) -> Iterator[Section]:
    for abstract in _children(front, "abstract"):
        if abstract.get("abstract-type") not in _OTHER_ABSTRACTS:
            yield from sections_of(blocks_of(abstract), above=("Abstract",), without=without)
    body = child_of(article, "body")
    if body is not None:
        yield from sections_of(blocks_of(body), title=title, without=without)


def _year(front: etree._Element | None) -> int | None:
    """The first in which it appeared, on paper or on screen."""
    dates = [
        text_of(child_of(date, "year"))
        for date in _children(front, "pub-date")
        if date.get("pub-type", date.get("date-type")) not in _OTHER_DATES
    ]
    return min((int(year) for year in dates if _YEAR.fullmatch(year)), default=None)


def _license(front: etree._Element | None) -> str:
    """`CC BY 4.0` where any link or sentence of the licence says so, else its words, else nothing."""
    licenses = _children(child_of(front, "permissions"), "license")
    licenses += _children(child_of(front, "permissions"), "license_ref")
    for each in licenses:
        links = (str(part.get(_HREF, "")) or _own_text(part, "license_ref") for part in each.iter())
        if name := next(
            (name for link in links if (name := license_name(link)).startswith(("CC", "Public"))), ""
        ):
            return name
    words = " ".join("".join([str(part) for each in licenses for part in each.itertext()]).split())
    return _in_words(words) if _CREATIVE_COMMONS.search(words) else license_name(words)


def _own_text(element: etree._Element, name: str) -> str:
    return (element.text or "") if local_name(element) == name else ""


def _in_words(statement: str) -> str:
    """`CC BY-NC 3.0` for "Creative Commons Attribution Non-Commercial 3.0 License"."""
    if re.search(r"\bcc[\s-]?0\b|public domain dedication", statement, re.IGNORECASE):
        return "CC0"
    kinds = "-".join(("BY", *(name for name, pattern in _PARTS if pattern.search(statement))))
    version = _VERSION.search(statement)
    return f"CC {kinds} {version[1]}" if version else f"CC {kinds}"


def _is_notice(article: etree._Element) -> bool:
    return article.get("article-type") == "retraction"


def _says_retracted(article: etree._Element, front: etree._Element | None, title: str) -> bool:
    return (
        article.get("article-type") == "retracted-article"
        or title.upper().startswith(("RETRACTED:", "RETRACTED ARTICLE"))
        or any(
            each.get("related-article-type") == "retraction-forward"
            for each in _children(front, "related-article")
        )
    )


def _retracted_by_all(files: list[Path]) -> frozenset[str]:
    """Ids that notices in any file name; a broken file is told of when its articles are read."""
    found: set[str] = set()
    for file in files:
        with suppress(KnowledgeError):
            found |= _retracted_by(file)
    return frozenset(found)


def _retracted_by(file: Path) -> set[str]:
    """Ids that notices in the file name; only a file with such a mark is parsed."""
    if _NOTICE not in read_bytes(file, at_most=_LARGEST):
        return set()
    return {
        name.lower()
        for article in _parsed(file)
        if _is_notice(article)
        for each in _children(_front(article), "related-article")
        if each.get("related-article-type") == "retracted-article"
        for name in (str(each.get(_HREF, "")).removeprefix("https://doi.org/"), text_of(each))
        if name
    }
