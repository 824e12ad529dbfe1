"""The day up to which a mirror is complete: that of its newest file, as the server lists it."""

import re
from datetime import date
from pathlib import Path

from knowledge.sources.pubmed_bulk.names import number_of, year_of
from knowledge.sources.pubmed_bulk.state import FOLDER, State

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b")
_NAMED = re.compile(r"\b(?P<day>\d\d?)-(?P<month>[A-Za-z]{3})-(?P<year>\d{4})\b")


def complete_until(directory: Path, *, state: Path | None = None) -> str:
    """E.g. `2026-11-23`; empty without a ledger, for the times of the files here say nothing of PubMed.

    Raises:
        KnowledgeError: The ledger is damaged.
    """
    ledger = State(state or directory / FOLDER).read_ledger()
    newest = max(ledger, key=lambda name: (year_of(name), number_of(name)), default=None)
    return "" if newest is None else listed_day(ledger[newest].listed)


def listed_day(listed: str) -> str:
    """The date beside a link, written `2026-11-23` or `23-Nov-2026`; empty where there is none."""
    found = _ISO.search(listed) or _NAMED.search(listed)
    if found is None:
        return ""
    month = found["month"].lower()
    try:
        number = int(month) if month.isdecimal() else _MONTHS.index(month) + 1
        return date(int(found["year"]), number, int(found["day"])).isoformat()
    except ValueError:
        return ""
