"""Reading what E-utilities answer, and telling an answer from an error that came with HTTP 200."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from knowledge.sources.pubmed_api.retries import Faulty

_NUMBER = re.compile(r"[0-9]{1,10}")
_PMIDS = ("MedlineCitation/PMID", "BookDocument/PMID")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        count: Records that fit.
        pmids: The first of them, in the order asked for.
        ignored: Phrases and fields of the query that PubMed does not know and left out.
    """

    count: int
    pmids: tuple[str, ...]
    ignored: tuple[str, ...] = ()

    def missing(self, retmax: int) -> int:
        """PMIDs that the search counts and does not list, of at most `retmax`."""
        return abs(min(self.count, retmax) - len(set(self.pmids)))


@dataclass(frozen=True, slots=True)
class Records:
    """Records as they came.

    Attributes:
        content: The XML, byte for byte.
        pmids: Those it holds.
    """

    content: bytes
    pmids: frozenset[str]

    def missing(self, asked: Collection[str]) -> tuple[str, ...]:
        """What was asked for and did not come."""
        return tuple(pmid for pmid in asked if pmid not in self.pmids)


def read_search(content: bytes) -> Found:
    """Count and PMIDs of an `eSearchResult`.

    Raises:
        Faulty: It is something else, or names an error.
    """
    root = _root(content, "eSearchResult")
    count = (root.findtext("Count") or "").strip()
    pmids = tuple((each.text or "").strip() for each in root.iterfind("IdList/Id"))
    if not all(_NUMBER.fullmatch(number) for number in (count, *pmids)):
        raise Faulty("a search result without count or with PMIDs that are no numbers")
    ignored = tuple((each.text or "").strip() for each in root.iterfind("ErrorList/*") if each.text)
    return Found(int(count), pmids, ignored)


def read_records(content: bytes, asked: Collection[str]) -> Records:
    """The PMIDs of a `PubmedArticleSet`.

    Raises:
        Faulty: It is something else, is cut, names an error, or holds a record that was not asked for.
    """
    root = _root(content, "PubmedArticleSet")
    pmids = frozenset(_pmid(article) for article in root if isinstance(article.tag, str))
    if strangers := pmids - set(asked):
        raise Faulty(f"{len(strangers)} records that were not asked for")
    return Records(content, pmids)


def _pmid(article: etree._Element) -> str:
    for path in _PMIDS:
        if _NUMBER.fullmatch(text := (article.findtext(path) or "").strip()):
            return text
    raise Faulty("a record without PMID")


def _root(content: bytes, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise Faulty(_not_xml(content)) from None
    error = root.findtext("ERROR") if root.tag == name else next((e.text for e in root.iter("ERROR")), None)
    if error:
        raise Faulty(f"HTTP 200 with the error {' '.join(error.split())[:120]!r}")
    if root.tag != name:
        raise Faulty(f"HTTP 200 with {str(root.tag)[:40]!r} instead of {name}")
    return root


def _not_xml(content: bytes) -> str:
    start = content[:200].lstrip().lower()
    if start.startswith(b"{"):
        return "HTTP 200 with a JSON error"
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTTP 200 with an HTML page"
    return "XML that is cut or not well-formed" if start else "an empty answer"
