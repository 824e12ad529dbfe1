"""The table of contents of an EPUB book: which headings lead to which file."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from knowledge.sources.markup import local_name, tokens


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the contents.

    Attributes:
        href: The link as it stands there; empty for a heading that leads nowhere.
        path: Headings, outermost first.
    """

    href: str
    path: tuple[str, ...]


def navigation_entries(root: etree._Element) -> Iterator[Entry]:
    """Of the navigation page of EPUB 3."""
    parts = list(named(root, "nav"))
    for part in parts:
        if len(parts) == 1 or "toc" in tokens(part, "epub:type", "role"):
            yield from _list_entries(part, ())


def ncx_entries(root: etree._Element) -> Iterator[Entry]:
    """Of the navigation map of EPUB 2."""
    for part in named(root, "navmap"):
        yield from _points(part, ())


def named(root: etree._Element, name: str) -> Iterator[etree._Element]:
    """The elements below of this name, whatever their namespace."""
    return (each for each in root.iter() if local_name(each) == name)


def line_of(element: etree._Element) -> str:
    """All text of the element in one line."""
    return " ".join("".join(str(part) for part in element.itertext()).split())


def _list_entries(element: etree._Element, above: tuple[str, ...]) -> Iterator[Entry]:
    """Of nested lists; the text before an inner list heads it."""
    for item in element:
        if local_name(item) != "li":
            yield from _list_entries(item, above)
            continue
        label = next((each for each in item.iter() if local_name(each) in {"a", "span"}), None)
        path = above
        if label is not None and line_of(label):
            path = (*above, line_of(label))
            yield Entry(str(label.get("href", "")), path)
        for inner in item:
            if local_name(inner) in {"ol", "ul"}:
                yield from _list_entries(inner, path)


def _points(element: etree._Element, above: tuple[str, ...]) -> Iterator[Entry]:
    for point in element:
        if local_name(point) != "navpoint":
            continue
        children = {local_name(each): each for each in point}
        path = above
        if "navlabel" in children and line_of(children["navlabel"]):
            path = (*above, line_of(children["navlabel"]))
            if "content" in children:
                yield Entry(str(children["content"].get("src", "")), path)
        yield from _points(point, path)
