"""Parsing HTML and XHTML that come from outside."""

import re
from html.entities import html5

from lxml import etree

from knowledge.errors import KnowledgeError

_EPUB = "{http://www.idpf.org/2007/ops}"
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({b"lt;", b"gt;", b"amp;", b"quot;", b"apos;"})
_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9_.:-]+)|<\?xml[^>]*encoding=["']([^"']+)"""
)
_XHTML = re.compile(rb"<\?xml|<html[^>]{0,400}xmlns=", re.IGNORECASE)


def parse_markup(content: bytes, place: str) -> etree._Element:
    """The root of a page; entities of a document type are never expanded and nothing is fetched.

    XHTML is read as XML, where `<title/>` is complete; what is not well formed is read as browsers do.

    Raises:
        KnowledgeError: The page is not text, is empty, or is nested too deeply.
    """
    text = decoded(content, place).encode()
    if _XHTML.search(text[:2000]):
        try:
            return parse_xml(text)
        except etree.XMLSyntaxError:
            pass
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(text, parser) if text.strip() else None
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise KnowledgeError(f"{place} is nested too deeply to be read: save the page again in a plain form.")
    if root is None:
        raise KnowledgeError(f"{place} holds no page: remove it or correct the path.")
    return root


def parse_xml(content: bytes) -> etree._Element:
    """The root of an XML document in UTF-8 that may name HTML's characters, as in `&nbsp;`."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(_ENTITY.sub(_character, content), parser)


def decoded(content: bytes, place: str) -> str:
    """The text in the encoding that the page declares, or UTF-8.

    Raises:
        KnowledgeError: It is in neither.
    """
    try:
        return content.decode("utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError as error:
        declared = _CHARSET.search(content[:4000])
        charset = (declared[1] or declared[2]).decode() if declared else ""
        try:
            return content.decode(charset or "utf-8")
        except (LookupError, UnicodeDecodeError):
            raise KnowledgeError(
                f"{place} is not {charset or 'UTF-8'} text (byte 0x{content[error.start]:02x} at offset "
                f"{error.start}): save it as UTF-8."
            ) from error


def local_name(element: etree._Element) -> str:
    """The tag without its namespace, in lower case; empty for what is no element."""
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def tokens(element: etree._Element, *names: str) -> set[str]:
    """The words of these attributes, in lower case; `epub:type` is found with and without its namespace."""
    values = (str(value) for key, value in element.items() if str(key).replace(_EPUB, "epub:") in names)
    return {token for value in values for token in value.lower().split()}


def _character(found: re.Match[bytes]) -> bytes:
    if found[1] in _XML_ENTITIES:
        return found[0]
    character = html5.get(found[1].decode())
    return found[0] if character is None else character.encode()
