"""What of a page is not its text: navigation, scripts, footnotes and their marks, lists of links."""

import re

from lxml import etree

from knowledge.sources.markup import local_name, tokens


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS = _names(
    "script style template noscript nav head svg form button select input textarea iframe object audio "
    "video canvas annotation annotation-xml menu dialog rt rp"
)
PARTS = _names(
    "toc landmarks page-list pagebreak noteref bibliography index footnote footnotes endnote endnotes "
    "rearnote rearnotes cover titlepage halftitlepage copyright-page loi lot backlink"
)
"""Values of `epub:type` for what is no text of a book."""
_ROLES = _names(
    "navigation banner contentinfo search doc-toc doc-index doc-bibliography doc-endnotes doc-footnote "
    "doc-pagebreak doc-pagelist doc-backlink doc-noteref doc-cover"
)
_CLASSES = _names(
    "toc table-of-contents breadcrumb breadcrumbs footnotes reflist mw-editsection noprint sr-only "
    "visually-hidden footnote-ref footnote-back noteref pagenum pagebreak"
)
_NOTE_MARK = re.compile(r"[\[(]?(?:[\d*†‡§¶#]{1,4}|[a-z])(?:\s*[,–-]\s*\d{1,4})*[\])]?", re.IGNORECASE)
_BRACKETED_OR_SYMBOL = re.compile(r"[\[(].*[\])]|[*†‡§¶]+")


def is_furniture(element: etree._Element) -> bool:
    """Whether the element, with all that is in it, is to be left out."""
    name = local_name(element)
    if not name or name in _TAGS:
        return True
    if _ROLES & tokens(element, "role") or PARTS & tokens(element, "epub:type"):
        return True
    if _CLASSES & tokens(element, "class"):
        return True
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    if name in {"header", "footer"} and _is_of_the_page(element):
        return name == "footer" or not any(local_name(each) == "h1" for each in element.iter())
    return _is_note_mark(element, name) or (name in {"ul", "ol"} and _is_list_of_links(element))


def _is_of_the_page(element: etree._Element) -> bool:
    parent = element.getparent()
    return parent is not None and local_name(parent) == "body"


def _is_note_mark(element: etree._Element, name: str) -> bool:
    """Whether it is the raised number or symbol that leads to a note or reference."""
    if name not in {"a", "sup"}:
        return False
    text = "".join(str(part) for part in element.itertext()).strip()
    if not _NOTE_MARK.fullmatch(text):
        return False
    links = [each for each in element.iter() if local_name(each) == "a"]
    if not links:
        return name == "sup" and bool(_BRACKETED_OR_SYMBOL.fullmatch(text))
    raised = name == "sup" or any(local_name(each) == "sup" for each in element)
    local = all("#" in str(each.get("href", "")) for each in links)
    return local and (raised or bool(_BRACKETED_OR_SYMBOL.fullmatch(text)))


def _is_list_of_links(element: etree._Element) -> bool:
    """Whether a list of three or more items has no words outside its links: navigation."""
    items = [each for each in element.iter() if local_name(each) == "li"]
    if len(items) < 3:
        return False
    links = (each for each in element.iter() if local_name(each) == "a" and each.get("href"))
    linked = sum(_length(each) for each in links)
    return 0 < linked == _length(element)


def _length(element: etree._Element) -> int:
    """Characters that are not white space."""
    return sum(len("".join(str(part).split())) for part in element.itertext())
