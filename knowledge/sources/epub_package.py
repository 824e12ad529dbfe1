"""The package inside an EPUB file: its metadata, its reading order, its table of contents, its bounds."""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

from knowledge.errors import KnowledgeError
from knowledge.sources.epub_contents import Entry, line_of, named, navigation_entries, ncx_entries
from knowledge.sources.files import LARGEST
from knowledge.sources.markup import parse_markup, parse_xml

MOST_FILES = 20_000
LARGEST_BOOK = 4 * LARGEST
"""Bytes of all pages that are read of one book."""

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass(frozen=True, slots=True)
class Chapter:
    """One file of the reading order.

    Attributes:
        name: Of the file within the book.
        path: Its headings in the table of contents, outermost first; those of the file before it where the
            contents do not name it, for then it continues that chapter.
    """

    name: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """One file that the package lists."""

    name: str
    kind: str
    properties: frozenset[str]


class Book:
    """An open EPUB file."""

    def __init__(self, file: Path, archive: zipfile.ZipFile) -> None:
        """Read the package document.

        Raises:
            KnowledgeError: The book is not what the format demands, or is protected.
        """
        self.file = file
        self._archive = archive
        self._left = LARGEST_BOOK
        if len(archive.infolist()) > MOST_FILES:
            raise KnowledgeError(f"{file} holds more than {MOST_FILES:,} files: give the book alone.")
        package_name = self._package_name()
        self._folder = posixpath.dirname(package_name)
        package = self._xml(package_name)
        self.title = next(_texts(package, "title"), "")
        self.rights = next(_texts(package, "rights"), None)
        self.dates = _dates(package)
        self._items = self._manifest(package)
        self._order = [
            str(each.get("idref", ""))
            for each in named(package, "itemref")
            if str(each.get("linear", "")).lower() != "no"
        ]
        self._contents = self._read_contents(package)
        self._refuse_protected()

    def chapters(self) -> Iterator[Chapter]:
        """The pages in reading order, without the table of contents itself."""
        path: tuple[str, ...] = ()
        for identity in dict.fromkeys(self._order):  # each once, whatever the spine says
            item = self._items.get(identity)
            if item is None:
                raise KnowledgeError(
                    f"{self.file} lists no file for its chapter {identity!r}: fetch it again."
                )
            if item.kind not in _PAGES or "nav" in item.properties:
                continue
            path = self._contents.get(item.name, path)
            yield Chapter(item.name, path)

    def read(self, name: str) -> bytes:
        """A file of the book, unpacked.

        Raises:
            KnowledgeError: It is missing, damaged, protected, or larger than is sensible.
        """
        most = min(LARGEST, self._left)
        try:
            with self._archive.open(name) as stream:
                content = stream.read(most + 1)
        except KeyError:
            raise KnowledgeError(f"{self.file} lacks its file {name}: fetch it again.") from None
        except (
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
            UnicodeDecodeError,  # of a name in a damaged header
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise KnowledgeError(f"{self.file}, {name} cannot be read ({error}): fetch it again.") from error
        if len(content) > most:
            raise KnowledgeError(
                f"{self.file}, {name} unpacks to more than {most:,} bytes: no textbook does, check the file."
            )
        self._left -= len(content)
        return content

    def _package_name(self) -> str:
        for each in named(self._xml("META-INF/container.xml"), "rootfile"):
            if name := str(each.get("full-path", "")):
                return self._inside("", name)
        raise KnowledgeError(f"{self.file} names no package document: it is no EPUB book, so fetch it again.")

    def _manifest(self, package: etree._Element) -> dict[str, _Item]:
        return {
            str(each.get("id", "")): _Item(
                self._inside(self._folder, str(each.get("href", ""))),
                str(each.get("media-type", "")).lower(),
                frozenset(str(each.get("properties", "")).split()),
            )
            for each in named(package, "item")
            if not urlsplit(str(each.get("href", ""))).scheme
        }

    def _read_contents(self, package: etree._Element) -> dict[str, tuple[str, ...]]:
        """Headings over each file: from the navigation page of EPUB 3, else from the NCX of EPUB 2."""
        spine = next(named(package, "spine"), None)
        ncx = self._items.get("" if spine is None else str(spine.get("toc", "")))
        page = next((each for each in self._items.values() if "nav" in each.properties), None)
        entries: list[Entry] = []
        if page is not None:
            entries = list(
                navigation_entries(parse_markup(self.read(page.name), f"{self.file}, {page.name}"))
            )
        if not entries and ncx is not None:
            page, entries = ncx, list(ncx_entries(self._xml(ncx.name)))
        found: dict[str, tuple[str, ...]] = {}
        for entry in entries:  # the first entry of a file heads it; later ones are headings inside it
            if page is not None and entry.href and not urlsplit(entry.href).scheme:
                found.setdefault(self._inside(posixpath.dirname(page.name), entry.href), entry.path)
        return found

    def _refuse_protected(self) -> None:
        if "META-INF/encryption.xml" not in self._archive.namelist():
            return
        for each in named(self._xml("META-INF/encryption.xml"), "encrypteddata"):
            methods = [str(method.get("Algorithm", "")) for method in named(each, "encryptionmethod")]
            if not any(method in _FONTS for method in methods):
                raise KnowledgeError(
                    f"{self.file} is protected against copying: give a copy that your licence lets you read."
                )

    def _xml(self, name: str) -> etree._Element:
        content = self.read(name)
        try:
            return parse_xml(content)
        except etree.XMLSyntaxError as error:
            raise KnowledgeError(
                f"{self.file}, {name} is not well-formed XML ({error.msg}): fetch it again."
            ) from error

    def _inside(self, folder: str, href: str) -> str:
        """The name that a link means; one that leads out of the book is refused."""
        name = posixpath.normpath(posixpath.join(folder, unquote(urlsplit(href).path)))
        if name.startswith(("/", "../")) or name == "..":
            raise KnowledgeError(f"{self.file} names a file outside the book ({href}): fetch it elsewhere.")
        return name


@contextmanager
def open_book(file: Path) -> Iterator[Book]:
    """The book for as long as it is read.

    Raises:
        KnowledgeError: The file is no EPUB book.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (NotImplementedError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise KnowledgeError(f"{file} is no EPUB book ({error}): fetch it again.") from error
    with archive:
        yield Book(file, archive)


def _texts(root: etree._Element, name: str) -> Iterator[str]:
    """Non-empty texts of the metadata elements of this name."""
    return (text for each in named(root, name) if (text := line_of(each)))


def _dates(package: etree._Element) -> list[str]:
    """Publication first; a date that says when the file was made or changed does not count."""
    dates = [
        (next((str(value) for key, value in each.items() if str(key).endswith("event")), ""), line_of(each))
        for each in named(package, "date")
    ]
    return [date for event in ("publication", "") for found, date in dates if found == event]
