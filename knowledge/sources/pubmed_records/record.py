"""One PubMed record: from its XML to the fields that become a document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from knowledge.passages import Document, Section
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
_UNREAD = re.compile(
    rb"<(AuthorList|ReferenceList|ChemicalList|GrantList|KeywordList|InvestigatorList|History"
    rb"|PersonalNameSubjectList|DataBankList|OtherAbstract|CommentsCorrectionsList|MeshHeadingList)"
    rb"(?:\s[^<>]*[^<>/])?>"
)
_PMID = re.compile(r"[1-9]\d{0,7}")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_EXPONENT = re.compile(r"[-−–]?\d")
_UNLABELLED = frozenset({"UNLABELLED", "UNASSIGNED"})
_DESCRIBED = ("Journal", "Book", "ArticleTitle", "Abstract", "PublicationTypeList", "PublicationType")
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
    article = _tree(piece, mesh=mesh)
    citation = _child(article, "MedlineCitation", "BookDocument")
    pmid = None if citation is None else _pmid(citation)
    if citation is None or pmid is None:
        raise BadRecordError("is an article without PMID", piece.line)
    body = citation if citation.tag == "BookDocument" else _child(citation, "Article")
    if body is None:
        raise BadRecordError("is an article without the element Article", piece.line)
    title, date, sections, kinds = _described(body)
    corrections = _child(citation, "CommentsCorrectionsList")
    named = () if corrections is None else tuple((each.get("RefType"), _pmid(each)) for each in corrections)
    year = _YEAR.search(date)
    doi, pmc = _ids(article)
    return PubmedRecord(
        pmid=pmid,
        title=title,
        sections=sections,
        date=date,
        year=int(year[0]) if year else None,
        doi=doi,
        pmc=pmc,
        mesh=tuple(_mesh(citation)) if mesh else (),
        retracted="Retracted Publication" in kinds or any(kind == "RetractionIn" for kind, _ in named),
        notice=not _NOTICE.isdisjoint(kinds) or any(kind == "RetractionOf" for kind, _ in named),
        retracts=tuple(other for kind, other in named if kind == "RetractionOf" and other is not None),
    )


def _described(body: etree._Element) -> tuple[str, str, tuple[Section, ...], list[str]]:
    """Title, date of publication, sections of the abstract and publication types."""
    title, date = "", ""
    sections, kinds = tuple[Section, ...](), list[str]()
    for part in body.iterchildren(*_DESCRIBED):
        tag = part.tag
        if tag == "ArticleTitle":
            title = text_of(part)
        elif tag == "Abstract":
            sections = tuple(_section(each) for each in part.iterchildren("AbstractText"))
        elif tag == "PublicationTypeList":
            kinds += [text_of(each) for each in part]
        elif tag == "PublicationType":
            kinds.append(text_of(part))
        elif tag == "Journal":
            issue = _child(part, "JournalIssue")
            date = "" if issue is None else _date(issue)
        else:
            date = _date(part)
            title = title or _text_below(part, "BookTitle")
    return title, date, sections, kinds


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
    kept, at = list[bytes](), 0
    searched = 0
    while found := _UNREAD.search(xml, searched):
        name = found[1]
        start = found.start()
        end = xml.find(b"</" + name + b">", start)
        if end < 0:
            break
        end += len(name) + 3
        searched = end
        if (mesh and name == b"MeshHeadingList") or (
            name == b"CommentsCorrectionsList" and xml.find(b'"Retraction', start, end) >= 0
        ):
            continue
        kept.append(xml[at:start])
        at = end
    kept.append(xml[at:])
    return b"".join(kept)


def _child(element: etree._Element, *tags: str) -> etree._Element | None:
    return next(element.iterchildren(*tags), None)


def _pmid(element: etree._Element) -> int | None:
    found = _child(element, "PMID")
    return None if found is None else _number(text_of(found))


def _number(text: str) -> int | None:
    return int(text) if _PMID.fullmatch(text) else None


def _text_below(element: etree._Element, tag: str) -> str:
    found = _child(element, tag)
    return "" if found is None else text_of(found)


def _section(part: etree._Element) -> Section:
    label = str(part.get("Label", ""))
    return Section("" if label.upper() in _UNLABELLED else label, text_of(part))


def _date(issue: etree._Element) -> str:
    published = _child(issue, "PubDate")
    return "" if published is None else " ".join([text for part in published if (text := text_of(part))])


def _ids(article: etree._Element) -> tuple[str, str]:
    """DOI and PMC id from the article's own list: each reference has such a list, too."""
    doi = pmc = ""
    data = _child(article, "PubmedData", "PubmedBookData")
    own = None if data is None else _child(data, "ArticleIdList")
    for each in () if own is None else own.iterchildren("ArticleId"):
        kind = each.get("IdType")
        if kind == "doi":
            doi = text_of(each)
        elif kind == "pmc":
            pmc = text_of(each)
    return doi, pmc


def _mesh(citation: etree._Element) -> Iterator[str]:
    headings = _child(citation, "MeshHeadingList")
    for heading in () if headings is None else headings:
        if name := _text_below(heading, "DescriptorName"):
            yield name


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
    if text.isascii() and not ("\n" in text or "  " in text or "\t" in text or "\r" in text):
        return text.strip()
    return " ".join(text.split())
