"""The XMP packet of a PDF file: where publishers state title, rights and date of the document."""

import mmap
import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from knowledge.sources.markup import parse_xml

_BEGINS, _ENDS = b"<x:xmpmeta", b"</x:xmpmeta>"
_MOST_REVISIONS = 5
"""Catalogues looked at, the newest first."""
_CATALOGUE = re.compile(rb"/Type\s*/Catalog\b")
_METADATA = re.compile(rb"/Metadata\s+(\d+)\s+(\d+)\s+R")
_RIGHTS = ("license", "webstatement", "usageterms", "rights")
_DATES = ("publicationdate", "coverdate", "date", "created")


@dataclass(frozen=True, slots=True)
class Xmp:
    """What the packet says."""

    title: str = ""
    rights: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def xmp_of(file: Path) -> Xmp:
    """What the document says of itself; nothing where its packet cannot be told from its pictures'."""
    if not file.stat().st_size:
        return Xmp()
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        packet = _of_the_catalogue(content)
        if packet is None:
            packet = _packet(content, 0, len(content))
            if packet is not None and content.find(_BEGINS, content.find(_ENDS)) >= 0:
                packet = None
    if packet is None:
        return Xmp()
    try:
        return _read(parse_xml(packet))
    except etree.XMLSyntaxError:
        return Xmp()


def _of_the_catalogue(content: mmap.mmap) -> bytes | None:
    """The packet that the catalogue of the last revision names."""
    for found in list(_CATALOGUE.finditer(content))[: -_MOST_REVISIONS - 1 : -1]:
        start = content.rfind(b" obj", 0, found.start())
        end = content.find(b"endobj", found.end())
        named = _METADATA.search(content, max(start, 0), end if end >= 0 else len(content))
        if named is None:
            continue
        objects = list(re.finditer(rb"(?<!\d)" + named[1] + rb"\s+" + named[2] + rb"\s+obj\b", content))
        if objects:
            stop = content.find(b"endobj", objects[-1].end())
            return _packet(content, objects[-1].end(), stop if stop >= 0 else len(content))
    return None


def _packet(content: mmap.mmap, start: int, stop: int) -> bytes | None:
    """The first packet between two places."""
    begin = content.find(_BEGINS, start, stop)
    end = content.find(_ENDS, begin, stop) if begin >= 0 else -1
    return content[begin : end + len(_ENDS)] if end >= 0 else None


def _read(root: etree._Element) -> Xmp:
    texts: dict[str, list[str]] = {}
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        name = etree.QName(element).localname.lower()
        text = " ".join(" ".join(str(part) for part in element.itertext()).split())
        resource = next((str(value) for key, value in element.items() if str(key).endswith("}resource")), "")
        texts.setdefault(name, []).extend(each for each in (resource, text) if each)
        for key, value in element.items():
            texts.setdefault(etree.QName(str(key)).localname.lower(), []).append(" ".join(str(value).split()))
    return Xmp(
        title=next(iter(texts.get("title", [])), ""),
        rights=tuple(each for name in _RIGHTS for each in texts.get(name, []) if each),
        dates=tuple(each for name in _DATES for each in texts.get(name, []) if each),
    )
