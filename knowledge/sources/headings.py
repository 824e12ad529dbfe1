"""Blocks of text under headings as sections, each headed by its path: `Chapter 22 > The Lungs > Pleura`."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.passages import Section

BETWEEN = " > "

LEFT_OUT = frozenset(
    {
        # the wrong options of a test question read like facts
        "review questions",
        "critical thinking question",
        "critical thinking questions",
        "interactive link questions",
        "multiple choice",
        # what names literature or places says nothing itself
        "references",
        "bibliography",
        "literature cited",
        "works cited",
        "further reading",
        "suggested reading",
        "suggested readings",
        "endnotes",
        "footnotes",
        "contents",
        "table of contents",
        "list of figures",
        "list of tables",
        "index",
    }
)
"""Headings left out, with what stands below them, unless a reader is told otherwise."""

_NUMBER = re.compile(r"^(?:\d+(?:\.\d+)*|[ivxl]+)[.):|\s]\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, list item or table row (`level` 0), or a heading of level 1 and deeper."""

    text: str
    level: int = 0


def sections_of(
    blocks: Iterable[Block],
    *,
    title: str = "",
    above: Sequence[str] = (),
    without: Collection[str] = LEFT_OUT,
) -> Iterator[Section]:
    """A section for each stretch of text between headings.

    Args:
        blocks: In reading order.
        title: A heading that only repeats it is left out of the path: the title is shown beside it anyway.
        above: Headings over the whole, outermost first; a heading that repeats the last, or its
            beginning or end, is left out, too.
        without: Headings in lower case that are left out together with everything below them.
    """
    path: list[Block] = []
    paragraphs: list[str] = []
    for block in blocks:
        if not block.level:
            paragraphs.append(block.text)
            continue
        yield from _section(path, paragraphs, title, above, without)
        paragraphs = []
        while path and path[-1].level >= block.level:
            path.pop()
        path.append(block)
    yield from _section(path, paragraphs, title, above, without)


def _section(
    path: list[Block], paragraphs: list[str], title: str, above: Sequence[str], without: Collection[str]
) -> Iterator[Section]:
    names = [block.text for block in path]
    if not paragraphs or any(is_left_out(name, without) for name in names):
        return
    if names and (same_heading(names[0], title) or (above and is_part(names[0], above[-1]))):
        names = names[1:]
    yield Section(BETWEEN.join((*above, *names)), "\n\n".join(paragraphs))


def is_left_out(heading: str, without: Collection[str]) -> bool:
    """Whether the heading, with or without its number, is one of `without`."""
    plain = heading.lower().strip(" :.")
    return plain in without or _NUMBER.sub("", plain) in without


def same_heading(one: str, other: str) -> bool:
    """Whether two headings say the same; a number before one of them does not count."""
    one, other = (" ".join(each.lower().split()) for each in (one, other))
    return bool(one) and (one == other or _NUMBER.sub("", one) == _NUMBER.sub("", other))


def is_part(heading: str, whole: str) -> bool:
    """Whether the heading is the whole, its beginning or its end: `The Lungs` of `Chapter 22 The Lungs`."""
    one, other = (f" {' '.join(each.lower().split())} " for each in (heading, whole))
    return same_heading(heading, whole) or other.startswith(one) or other.endswith(one)
