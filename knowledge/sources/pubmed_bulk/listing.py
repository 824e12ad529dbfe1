"""What a server of PubMed files offers: directory pages in HTML, with a link, a date and a size a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_bulk.fetching import Fetching, page
from knowledge.sources.pubmed_bulk.names import NAME, number_of, year_of

_LINK = re.compile(r"""<a\s[^<>]*?href\s*=\s*["']([^"'<>]+)["'][^<>]*>[^<>]*</a>([^<\n]*)""", re.IGNORECASE)
_CHECKSUM = re.compile(r"\b[0-9a-fA-F]{32}\b")
_FOLDERS = ("baseline/", "updatefiles/")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file on the server.

    Attributes:
        name: E.g. `pubmed26n0001.xml.gz`.
        url: Its address.
        listed: The date and size beside the link.
    """

    name: str
    url: str
    listed: str


def newest_year(url: str, fetching: Fetching) -> list[Listed]:
    """The files of the newest year, in order, from the page itself and its folders of baseline and updates.

    Raises:
        KnowledgeError: The page cannot be had or lists no PubMed file.
    """
    base = url if url.endswith("/") else f"{url}/"
    links = dict(_links(page(base, fetching)))
    found = list(_files(base, links))
    for folder in _FOLDERS:
        if folder in links:
            below = urljoin(base, folder)
            found += _files(below, dict(_links(page(below, fetching))))
    if not found:
        raise KnowledgeError(
            f"{base} lists no file like pubmed26n0001.xml.gz: give the address of the folder that holds "
            "baseline/ and updatefiles/, or of one of them."
        )
    year = max(year_of(each.name) for each in found)
    return sorted(
        (each for each in found if year_of(each.name) == year), key=lambda each: number_of(each.name)
    )


def checksum(listed: Listed, fetching: Fetching) -> str:
    """The MD5 that the server publishes beside the file.

    Raises:
        KnowledgeError: It publishes none.
    """
    found = _CHECKSUM.search(page(f"{listed.url}.md5", fetching))
    if found is None:
        raise KnowledgeError(f"{listed.url}.md5 holds no MD5 checksum: run again when the server has it.")
    return found[0].lower()


def _links(html: str) -> Iterator[tuple[str, str]]:
    for found in _LINK.finditer(html):
        yield found[1].removeprefix("./"), " ".join(found[2].split())


def _files(base: str, links: dict[str, str]) -> Iterator[Listed]:
    """Only plain names of PubMed files: a link can lead nowhere else."""
    for name, listed in links.items():
        if NAME.fullmatch(name):
            yield Listed(name, urljoin(base, name), listed)
