"""One PubMed record: from its XML to the fields that become a document."""

import re
from collections import defaultdict
from dataclasses import dataclass

from lxml import etree

from knowledge.passages import Document, Section
from knowledge.sources.pubmed_records.plain import PlainTexts, plain_texts
from knowledge.sources.pubmed_records.scan import Piece

_PARSER = etree.XMLParser(
    resolve_entities=False,
    load_dtd=False,
    no_network=True,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)
_DOCTYPE = b'<!DOCTYPE PubmedArticle SYSTEM "unread">'  # an unknown entity then stays as named, unresolved
_IN_ARTICLE = (b"AuthorList", b"DataBankList", b"GrantList")
_IN_DATA = (b"History", b"ReferenceList")
_PMID = re.compile(r"[1-9]\d{0,7}")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_EXPONENT = re.compile(r"[-−–]?\d")
_UNLABELLED = frozenset({"UNLABELLED", "UNASSIGNED"})
_PARTS = (
    "PMID",
    "Article",
    "BookDocument",
    "ArticleTitle",
    "BookTitle",
    "AbstractText",
    "PubDate",
    "PublicationType",
    "CommentsCorrections",
    "ArticleId",
    "DescriptorName",
)
_NOTICE = frozenset({"Retraction of Publication", "Retraction Notice"})


class BadRecordError(ValueError):
    """A record that is no PubMed record; the text says why, and `line` where in the file."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class PubmedRecord:
    """What is read of one article.

    Attributes:
        pmid: As a number.
        title: As printed; may be empty.
        sections: The labelled parts of the abstract; none where there is no abstract.
        date: Of publication, as printed, e.g. `2019 May 28` or `1998 Dec-1999 Jan`.
        year: The first year in it.
        doi: The article's own, or empty.
        pmc: Its id in PubMed Central, or empty.
        mesh: Descriptors of its MeSH headings, where they were asked for.
        retracted: The article is retracted.
        notice: This is the notice of a retraction.
        retracts: The PMIDs that the notice names.
    """

    pmid: int
    title: str
    sections: tuple[Section, ...]
    date: str = ""
    year: int | None = None
    doi: str = ""
    pmc: str = ""
    mesh: tuple[str, ...] = ()
    retracted: bool = False
    notice: bool = False
    retracts: tuple[int, ...] = ()

    def document(self, *, source: str, license: str, retracted: bool = False) -> Document:  # noqa: A002
        """As literature; `retracted` where a notice elsewhere says so."""
        return Document(
            id=f"pmid:{self.pmid}",
            title=self.title,
            sections=self.sections,
            source=source,
            license=license,
            retracted=self.retracted or retracted,
            year=self.year,
        )


def parse_record(piece: Piece, *, mesh: bool = False) -> PubmedRecord:
    """The record of an article; its MeSH headings are parsed where they are asked for.

    Raises:
        BadRecordError: It is not well-formed, has no PMID, or not the structure of an article.
    """
    texts = None if mesh else plain_texts(piece)
    return _from_tree(piece, mesh=mesh) if texts is None else _from_texts(texts)


def _from_texts(texts: PlainTexts) -> PubmedRecord:
    date = " ".join([text for part in texts.date if (text := _collapsed(part))])
    kinds = [_collapsed(each) for each in texts.kinds]
    ids = dict(texts.ids)
    return PubmedRecord(
        pmid=texts.pmid,
        title=_collapsed(texts.title),
        sections=tuple([Section(_heading(label), _collapsed(text)) for label, text in texts.sections]),
        date=date,
        year=_year(date),
        doi=_collapsed(ids.get("doi", "")),
        pmc=_collapsed(ids.get("pmc", "")),
        retracted="Retracted Publication" in kinds,
        notice=not _NOTICE.isdisjoint(kinds),
    )


def _from_tree(piece: Piece, *, mesh: bool) -> PubmedRecord:
    parts: defaultdict[str, list[etree._Element]] = defaultdict(list)
    for part in _tree(piece, mesh=mesh).iter(
        *_PARTS
    ):  # one pass in C; a search a field would cost twice as much
        parts[part.tag].append(part)
    pmid = _own_pmid(parts["PMID"])
    if pmid is None:
        raise BadRecordError("is an article without PMID", piece.line)
    if not parts["Article"] and not parts["BookDocument"]:
        raise BadRecordError("is an article without the element Article", piece.line)
    kinds = [text_of(each) for each in parts["PublicationType"]]
    named = [
        (each.get("RefType"), _number(_text_below(each, "PMID"))) for each in parts["CommentsCorrections"]
    ]
    date = next((_date(each) for each in parts["PubDate"] if _within(each, "JournalIssue", "Book")), "")
    doi, pmc = _ids(parts["ArticleId"])
    return PubmedRecord(
        pmid=pmid,
        title=_title(parts["ArticleTitle"], parts["BookTitle"]),
        sections=tuple([_section(each) for each in parts["AbstractText"] if _within(each, "Abstract")]),
        date=date,
        year=_year(date),
        doi=doi,
        pmc=pmc,
        mesh=tuple([text_of(each) for each in parts["DescriptorName"]]) if mesh else (),
        retracted="Retracted Publication" in kinds or any(kind == "RetractionIn" for kind, _ in named),
        notice=not _NOTICE.isdisjoint(kinds) or any(kind == "RetractionOf" for kind, _ in named),
        retracts=tuple([other for kind, other in named if kind == "RetractionOf" and other is not None]),
    )


def parse_deletion(piece: Piece) -> list[int]:
    """The PMIDs that it withdraws.

    Raises:
        BadRecordError: It is not well-formed.
    """
    ids = (_number(text_of(each)) for each in _tree(piece, mesh=False) if each.tag == "PMID")
    return [pmid for pmid in ids if pmid is not None]


def _tree(piece: Piece, *, mesh: bool) -> etree._Element:
    """The element; what is never read is cut out before, unless a comment could hide where it ends."""
    if not piece.tag:
        raise BadRecordError("is text that belongs to no record", piece.line)
    if piece.plain:
        try:
            return etree.fromstring(_DOCTYPE + _without_unread(piece.xml, mesh=mesh), _PARSER)
        except etree.XMLSyntaxError:
            pass  # parsed whole, either it is well, or the message names the right line
    try:
        return etree.fromstring(_DOCTYPE + piece.xml, _PARSER)
    except etree.XMLSyntaxError as error:
        line = piece.line + max(0, (error.position[0] or 1) - 1)
        raise BadRecordError(f"is not well-formed XML ({error.msg})", line) from error


def _without_unread(xml: bytes, *, mesh: bool) -> bytes:
    """The record without the parts that no field is read from: most of its bytes and of the time."""
    article = xml.find(b"</Article>")
    citation = xml.find(b"</MedlineCitation>", article)
    if article < 0 or citation < 0:
        return xml
    behind = xml[article:citation]  # headings, chemicals, comments
    if not mesh and not (b"CommentsCorrectionsList>" in behind and b"Retraction" in behind):
        behind = b"</Article>"
    return _without(xml[:article], *_IN_ARTICLE) + behind + _without(xml[citation:], *_IN_DATA)


def _without(xml: bytes, *names: bytes) -> bytes:
    """Without the first element of each name; the names stand in this order."""
    searched = 0
    for name in names:
        start = xml.find(b"<" + name, searched)
        end = xml.find(b"</" + name + b">", start) if start >= 0 else -1
        if end >= 0 and xml[start + len(name) + 1] in b" >":
            xml = xml[:start] + xml[end + len(name) + 3 :]
            searched = start
    return xml


def _within(part: etree._Element, *tags: str) -> bool:
    parent = part.getparent()
    return parent is not None and parent.tag in tags


def _own_pmid(pmids: list[etree._Element]) -> int | None:
    """The first in the record, unless that is the PMID of a comment or notice."""
    return (
        _number(text_of(pmids[0])) if pmids and _within(pmids[0], "MedlineCitation", "BookDocument") else None
    )


def _number(text: str) -> int | None:
    return int(text) if _PMID.fullmatch(text) else None


def _text_below(element: etree._Element, tag: str) -> str:
    found = next(element.iterchildren(tag), None)
    return "" if found is None else text_of(found)


def _title(titles: list[etree._Element], of_books: list[etree._Element]) -> str:
    own = (text_of(each) for each in titles if _within(each, "Article", "BookDocument"))
    return next(own, "") or next((text_of(each) for each in of_books), "")


def _section(part: etree._Element) -> Section:
    return Section(_heading(str(part.get("Label", ""))), text_of(part))


def _heading(label: str) -> str:
    return "" if label.upper() in _UNLABELLED else label


def _date(published: etree._Element) -> str:
    return " ".join([text for part in published if (text := text_of(part))])


def _year(date: str) -> int | None:
    found = _YEAR.search(date)
    return int(found[0]) if found else None


def _ids(ids: list[etree._Element]) -> tuple[str, str]:
    """DOI and PMC id from the article's own list: each reference has such a list, too."""
    doi = pmc = ""
    for each in ids:
        kind = each.get("IdType")
        if kind not in {"doi", "pmc"}:
            continue
        owner = None if (own := each.getparent()) is None else own.getparent()
        if owner is None or owner.tag not in {"PubmedData", "PubmedBookData", "BookDocument"}:
            continue
        if kind == "doi":
            doi = text_of(each)
        else:
            pmc = text_of(each)
    return doi, pmc


def text_of(element: etree._Element) -> str:
    """All text below the element: `.text` alone would end at the first `<i>` or `<sub>`."""
    if not len(element):
        return _collapsed(element.text or "")
    for power in element.iter("sup"):
        before = power.getprevious()
        parent = power.getparent()
        number = before.tail if before is not None else None if parent is None else parent.text
        if number and number[-1].isdigit() and _EXPONENT.match(power.text or ""):
            power.text = f"^{power.text}"  # 10<sup>9</sup> must not read 109
    return _collapsed("".join([str(part) for part in element.itertext()]))


def _collapsed(text: str) -> str:
    """One blank for each run of white space; most texts have none, and looking is cheaper than splitting."""
    if text.isprintable() and "  " not in text:  # no white space but blanks is printable
        return text.strip()
    return " ".join(text.split())
