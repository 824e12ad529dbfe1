"""What a document says about itself: licence and year as embedded in its metadata."""

import re
from collections.abc import Iterable

UNKNOWN = "unknown"
"""The licence where neither the configuration nor the document names one."""

_LONGEST = 200
"""Characters of an embedded statement of rights that are kept."""
_CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licenses|publicdomain)/([a-z]+(?:-[a-z]+)*)/(\d\.\d)(?:/([a-z]{2}))?",
    re.IGNORECASE,
)
_PUBLIC_DOMAIN = {"zero": "CC0", "mark": "Public Domain Mark"}
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?=\D|\d{4}\D|\d{4}$|\d{10}|$)")


def license_of(configured: str, embedded: Iterable[str | None]) -> str:
    """The configured licence; where that is unknown, the first that the document itself names."""
    if configured.strip().lower() not in {"", UNKNOWN}:
        return configured
    return next((name for each in embedded if each and (name := license_name(each))), configured)


def license_name(statement: str) -> str:
    """`CC BY 4.0` for the address of a Creative Commons licence, else the statement in one line."""
    found = _CREATIVE_COMMONS.search(statement)
    if found is None:
        text = " ".join(statement.split())
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
    kind, version, place = found[1].lower(), found[2], (found[3] or "").upper()
    name = _PUBLIC_DOMAIN.get(kind, f"CC {kind.upper()}")
    return " ".join(part for part in (name, version, place) if part)


def year_of(dates: Iterable[str | None]) -> int | None:
    """The first year that one of the dates names, in the order given."""
    return next((int(found[1]) for each in dates if each and (found := _YEAR.search(each))), None)
