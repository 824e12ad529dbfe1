"""The common record read straight from its bytes: no markup in its texts, everything where it belongs.

Building a tree takes several times as long as reading the dozen texts that are wanted. Whatever is not as
expected here is left to the parser: a record is read in this way or not at all, never in part.
"""

import re
from dataclasses import dataclass

from knowledge.sources.pubmed_records.scan import Piece

_OPENING = re.compile(
    rb"<PubmedArticle>\s*<MedlineCitation(?:\s[^<>]*)?>\s*<PMID(?:\s[^<>]*)?>\s*([1-9]\d{0,7})\s*</PMID>"
)
_ARTICLE = re.compile(rb"<Article(?:\s[^<>]*)?>")
_TITLE = re.compile(rb"<ArticleTitle(?:\s[^<>]*)?>([^<]*)</ArticleTitle>")
_PART = re.compile(
    rb"\s*<(?:AbstractText((?:\s[^<>]*)?)>([^<]*)</AbstractText"
    rb"|CopyrightInformation>[^<]*</CopyrightInformation)>\s*"
)
_LABEL = re.compile(rb"""\sLabel="([^"<&]*)\"""")
_DATE = re.compile(rb"<PubDate>((?:\s*<(\w+)>[^<]*</\2>)+)\s*</PubDate>")
_TEXT = re.compile(rb">([^<]*)</")
_KIND = re.compile(rb"\s*<PublicationType(?:\s[^<>]*)?>([^<]*)</PublicationType>\s*")
_ID = re.compile(rb'\s*<ArticleId IdType="([^"<&]*)">([^<]*)</ArticleId>\s*')
_OTHER_REFERENCE = re.compile(rb"&(?!(?:lt|gt|amp|quot|apos);)")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class _NotPlainError(Exception):
    """The record needs the parser."""


@dataclass(frozen=True, slots=True)
class PlainTexts:
    """The texts of a record, white space as it stands; of each section its label and text."""

    pmid: int
    title: str
    sections: tuple[tuple[str, str], ...]
    date: tuple[str, ...]
    kinds: tuple[str, ...]
    ids: tuple[tuple[str, str], ...]


def own_pmid(xml: bytes) -> int | None:
    """The PMID of an article that begins as articles do."""
    found = _OPENING.match(xml)
    return int(found[1]) if found else None


def plain_texts(piece: Piece) -> PlainTexts | None:
    """The texts, or none where the record needs the parser."""
    if not piece.plain:
        return None
    try:
        return _texts(piece.xml)
    except (_NotPlainError, UnicodeDecodeError):
        return None


def _texts(xml: bytes) -> PlainTexts:
    opening = _OPENING.match(xml)
    start = None if opening is None else _ARTICLE.search(xml, opening.end())
    if opening is None or start is None:
        raise _NotPlainError
    article = xml[start.end() : _place(xml, b"</Article>", start.end())]
    behind = _place(xml, b"</MedlineCitation>", start.end() + len(article))
    comments = xml.find(b"<CommentsCorrectionsList", start.end() + len(article), behind)
    if comments >= 0 and xml.find(b"Retraction", comments, behind) >= 0:
        raise _NotPlainError
    journal = article[: _place(article, b"</Journal>")]
    abstract = article.find(b"<Abstract>", len(journal))
    return PlainTexts(
        pmid=int(opening[1]),
        title=_title(article, len(journal)),
        sections=() if abstract < 0 and b"<Abstract" not in article else _sections(article, abstract),
        date=_date(journal),
        kinds=tuple([_decoded(each[1]) for each in _items(_KIND, article, b"PublicationTypeList")]),
        ids=_ids(xml[behind:]),
    )


def _place(xml: bytes, mark: bytes, start: int = 0) -> int:
    place = xml.find(mark, start)
    if place < 0:
        raise _NotPlainError
    return place


def _title(article: bytes, start: int) -> str:
    found = _TITLE.search(article, start)
    if found is None or article.find(b"<ArticleTitle", found.end()) >= 0:
        raise _NotPlainError
    return _decoded(found[1])


def _sections(article: bytes, start: int) -> tuple[tuple[str, str], ...]:
    at, end = start + len(b"<Abstract>"), _place(article, b"</Abstract>", start)
    sections = []
    while at < end:
        part = _PART.match(article, at, end)
        if start < 0 or part is None:
            raise _NotPlainError
        if part[2] is not None:
            sections.append((_label(part[1]), _decoded(part[2])))
        at = part.end()
    return tuple(sections)


def _label(attributes: bytes) -> str:
    if b"Label" not in attributes:
        return ""
    found = _LABEL.search(attributes)
    if found is None:
        raise _NotPlainError
    return _decoded(found[1])


def _date(journal: bytes) -> tuple[str, ...]:
    found = _DATE.search(journal)
    if found is None:
        raise _NotPlainError
    return tuple([_decoded(text) for text in _TEXT.findall(found[1])])


def _ids(data: bytes) -> tuple[tuple[str, str], ...]:
    """Those of the article's own list: it stands before the references, which have such lists, too."""
    start = data.find(b"<ArticleIdList>")
    references = data.find(b"<ReferenceList")
    if start < 0 or 0 <= references < start:
        if b"ArticleIdList" in data:
            raise _NotPlainError
        return ()
    return tuple([(_decoded(each[1]), _decoded(each[2])) for each in _items(_ID, data, b"ArticleIdList")])


def _items(item: re.Pattern[bytes], xml: bytes, name: bytes) -> list[re.Match[bytes]]:
    """The items of the list, in which nothing else may stand."""
    at = xml.find(b"<" + name + b">") + len(name) + 2
    if at < len(name) + 2:
        if b"<" + name in xml:
            raise _NotPlainError
        return []
    end = _place(xml, b"</" + name + b">", at)
    items = []
    while at < end:
        found = item.match(xml, at, end)
        if found is None:
            raise _NotPlainError
        items.append(found)
        at = found.end()
    return items


def _decoded(raw: bytes) -> str:
    text = raw.decode()
    if "&" in text:
        if _OTHER_REFERENCE.search(raw):
            raise _NotPlainError
        for reference, character in _REFERENCES:
            text = text.replace(reference, character)
    if not text.isprintable() and _NO_XML.search(text):
        raise _NotPlainError
    return text
