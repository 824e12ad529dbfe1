"""PubMed XML as the National Library of Medicine distributes it: titles and abstracts of journal articles."""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.files import open_bytes, source_files, with_text

SUFFIXES = (".xml", ".xml.gz")
_ARTICLES = ("PubmedArticle", "PubmedBookArticle")
_EXPONENT = re.compile(r"[-−–]?\d")
_UNLABELLED = frozenset({"UNLABELLED", "UNASSIGNED"})


def read_pubmed_xml(path: Path, *, source: str, license: str) -> Iterator[Document]:  # noqa: A002 - the field's word
    """One document a record that has an abstract, with its labelled parts as sections.

    Files are read from the last name to the first, for a PMID that stands in several files counts as it is in
    the last one: baseline and update files of PubMed are numbered in that sense, and a deletion in a later
    file removes the record from all earlier ones. Memory stays small at any file size.

    Raises:
        KnowledgeError: The path is missing, empty, not well-formed XML or not PubMed XML.
    """
    documents = _newest_first(source_files(path, SUFFIXES), source, license)
    yield from with_text(documents, path)


def _newest_first(files: list[Path], source: str, license_: str) -> Iterator[Document]:
    settled: set[str] = set()
    for file in reversed(files):
        deleted: set[str] = set()
        for element in _records(file):
            if element.tag == "DeleteCitation":
                deleted.update(_text(pmid) for pmid in element.iterfind("PMID"))
                continue
            document = _document(element, file, source, license_)
            if document.id not in settled:
                settled.add(document.id)
                yield document
        settled.update(f"pmid:{pmid}" for pmid in deleted)


def _records(file: Path) -> Iterator[etree._Element]:
    """Each article and deletion; its memory is given back once the next is asked for.

    Entities stay unexpanded and nothing is fetched: the file comes from outside.
    """
    try:
        with open_bytes(file) as stream:
            events = etree.iterparse(
                stream,
                events=("end",),
                tag=(*_ARTICLES, "DeleteCitation"),
                resolve_entities=False,
                load_dtd=False,
                no_network=True,
                huge_tree=False,
            )
            for _, element in events:
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        line = error.position[0]
        raise KnowledgeError(
            f"{file} line {line} is not well-formed XML ({error.msg}): fetch the file again."
        ) from error
    except (EOFError, OSError) as error:
        raise KnowledgeError(f"{file} cannot be read ({error}): fetch the file again.") from error


def _document(article: etree._Element, file: Path, source: str, license_: str) -> Document:
    citation = article.find("MedlineCitation")
    citation = article.find("BookDocument") if citation is None else citation
    pmid = None if citation is None else citation.find("PMID")
    if citation is None or pmid is None:
        raise KnowledgeError(
            f"{file} line {article.sourceline} is an article without PMID: fetch the file again."
        )
    body = citation.find("Article")
    body = citation if body is None else body
    title = body.find("ArticleTitle")
    title = body.find("Book/BookTitle") if title is None else title
    return Document(
        id=f"pmid:{_text(pmid)}",
        title="" if title is None else _text(title),
        sections=tuple(_section(part) for part in body.iterfind("Abstract/AbstractText")),
        source=source,
        license=license_,
        retracted=_is_retracted(citation),
    )


def _section(part: etree._Element) -> Section:
    label = str(part.get("Label", ""))
    return Section("" if label.upper() in _UNLABELLED else label, _text(part))


def _is_retracted(citation: etree._Element) -> bool:
    kinds = citation.iterfind(".//PublicationTypeList/PublicationType")
    notices = citation.iterfind("CommentsCorrectionsList/CommentsCorrections")
    return any(_text(kind) == "Retracted Publication" for kind in kinds) or any(
        notice.get("RefType") == "RetractionIn" for notice in notices
    )


def _text(element: etree._Element) -> str:
    """All text below the element: `.text` alone would end at the first `<i>` or `<sub>`."""
    for power in element.iter("sup"):
        before = power.getprevious()
        number = element.text if before is None else before.tail
        if number and number[-1].isdigit() and _EXPONENT.match(power.text or ""):
            power.text = f"^{power.text}"  # 10<sup>9</sup> must not read 109
    return " ".join("".join(str(part) for part in element.itertext()).split())
