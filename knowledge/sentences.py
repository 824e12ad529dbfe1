"""Where sentences of clinical prose begin and end, as offsets, so that a quotation stays verbatim.

Written for this project, for the general splitter tried takes everyday clinical words for abbreviations:
nupunkt 0.8 does not end a sentence after `lung cancer.`, `the chest.` or `the risk is low.`
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A full stop after these never ends a sentence, whatever follows. In capitals they are acronyms: CF, ED, MS.
_NEVER = _words(
    """
    e.g eg i.e ie vs v cf viz fig figs eq eqs ref refs tab tabs dr drs mr mrs ms prof st ca approx resp incl
    vol vols chap chaps sec sect suppl ed eds var dept univ
    """
)
# After these a sentence goes on where a number follows ("No. 5", "p. 12", "Jan. 3").
_BEFORE_NUMBER = _words(
    """
    no nos p pp c n nr jan feb mar apr jun jul aug sep sept oct nov dec
    """
)
# After these, and after initials and dotted abbreviations, only a usual opening word starts a sentence.
_UNSURE = _words(
    """
    al etc inc ltd co corp jr sr spp subsp hr hrs min mins wk wks mo mos yr yrs pt pts
    """
)
_OPENING_WORDS = _words(
    """
    a about according additionally after all also although among an and another any approximately are as at
    based because before both but by can conclusion conclusions consequently despite do does during each
    early either even every few finally first for four from further furthermore given had has have he hence
    her here his how however i if in indeed infants is it its later like many more moreover most much my
    neither nevertheless no none nonetheless not of often on once one only other others our over overall
    patients people results second several she similarly since so some subsequently such symptoms talk that
    the their then there therefore these they third this those though three through thus to treatment two
    under unlike until was we were what when where whereas whether which while who why with within without
    women you your
    """
)
# A single capital after these is no initial: "vitamin D. The".
_BEFORE_LETTER = _words("vitamin hepatitis type group class influenza factor grade")

_STOP = re.compile(
    r"""
    (?P<mark>[.!?…]+)
    (?:
        (?P<close>["'”’»)\]]*)
        (?:\s?\[\d[\d,;\s–-]*\])?  # a citation, [12, 14], belongs to the sentence before it
        (?=\s+(?P<bullet>[-–—•*]+\s+|\((?:[a-h]|[ivx]{1,4})\)\s+)?["'“‘«(\[*]*(?P<next>\w[\w’'-]*))
      | (?<=[a-z)]\.)\d{1,2}(?:[,–-]\d{1,2})*(?=\s+[A-Z])  # a superscript lost its markup: `cases.5 All`
      | (?<=[a-z]{3}\.)(?=[A-Z][a-z]+[\s,;:])  # a blank went missing: `cancer.Anything`
    )
    """,
    re.VERBOSE,
)
_DIGIT = re.compile(r"\d")
_DOTTED = re.compile(r"(?:[A-Za-z]{1,2}\.)+[A-Za-z]{1,2}")
_ENUMERATOR = re.compile(r"\s*\(?(?:\d{1,3}|[A-Za-z]|[IVX]{1,4})\)?")
_REACH = 60  # characters looked at before a full stop


@dataclass(frozen=True, slots=True)
class Span:
    """The characters `text[start:end]`."""

    start: int
    end: int


def sentences(text: str) -> list[Span]:
    """Spans of the sentences of `text`, in order; only white space lies outside of them.

    A line break always ends a sentence: `normalise` leaves one only between paragraphs and list items.
    """
    return [
        span
        for line in re.finditer(r"[^\n]+", text)
        for span in _sentences_of_line(text, line.start(), line.end())
    ]


def _sentences_of_line(text: str, start: int, end: int) -> Iterator[Span]:
    begin = start
    for stop in _STOP.finditer(text, start, end):
        if _ends_sentence(text, stop, begin):
            yield from _trimmed(text, begin, stop.end())
            begin = stop.end()
    yield from _trimmed(text, begin, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if stripped := piece.strip():
        first = start + len(piece) - len(piece.lstrip())
        yield Span(first, first + len(stripped))


def _ends_sentence(text: str, stop: re.Match[str], begin: int) -> bool:
    following = stop["next"]
    if following is None:
        return True
    if stop["bullet"] is None and following.islower() and not _DIGIT.search(following):
        return False  # but `mRNA`, `c-Kit` and `p53` may open a sentence
    if stop["mark"] != "." or stop["close"]:
        return True
    return _full_stop_ends_sentence(text[max(begin, stop.start() - _REACH) : stop.start()], following)


def _full_stop_ends_sentence(before: str, following: str) -> bool:
    words = before.split()
    word = words[-1].lstrip("([\"“‘'") if words else ""
    lower = word.lower()
    if _ENUMERATOR.fullmatch(before):
        return False
    if word.isupper() and len(word) > 1 and "." not in word:
        return True
    if lower in _NEVER or (lower in _BEFORE_NUMBER and following[0].isdigit()):
        return False
    if lower in _UNSURE or _DOTTED.fullmatch(word) or _is_initial(words):
        return following.lower() in _OPENING_WORDS
    return True


def _is_initial(words: list[str]) -> bool:
    """Whether the last word is an initial, as in `by J. Smith` but not in `vitamin D.`."""
    if not words or len(words[-1]) != 1 or not words[-1].isupper():
        return False
    return len(words) < 2 or words[-2].lower() not in _BEFORE_LETTER
