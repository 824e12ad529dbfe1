"""What a report owes its sources: a line each, with the terms that the National Library of Medicine sets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.sources.facts import UNKNOWN

PUBMED = "pubmed"
"""Kinds of literature that begin so hold records of PubMed."""
PMC = "pmc"


@dataclass(frozen=True, slots=True)
class UsedSource:
    """One literature source of a run.

    Attributes:
        name: As configured.
        kind: As configured, e.g. `pubmed_query` or `markdown`.
        licenses: Of its passages; a source may hold texts under several.
        until: Day up to which its records are complete, `2026-11-23`; empty where nobody knows.
    """

    name: str
    kind: str
    licenses: tuple[str, ...] = ()
    until: str = ""


def credit_lines(sources: Iterable[UsedSource]) -> tuple[str, ...]:
    """One line for the sources of PubMed together, then one for each other source, in their order."""
    used = list(sources)
    pubmed = [source for source in used if source.kind.startswith(PUBMED)]
    others = [_other(source) for source in used if not source.kind.startswith(PUBMED)]
    return (*([_pubmed(pubmed)] if pubmed else []), *others)


def _pubmed(sources: Sequence[UsedSource]) -> str:
    """Credit, no endorsement, currency, copyright: what NLM asks those who pass records on."""
    names = ", ".join(f"{source.name} ({_state(source)})" for source in sources)
    return (
        "Records of PubMed: courtesy of the U.S. National Library of Medicine, which has neither reviewed "
        f"nor endorsed this report. Sources: {names}; what PubMed has added, corrected or retracted since is "
        "not reflected. Abstracts may be copyright of their publishers: that is why only short quotes and "
        "PMIDs are shown, and their reuse is for the publishers to grant."
    )


def _state(source: UsedSource) -> str:
    return f"as of {source.until}" if source.until else "of the day on which its files were fetched"


def _other(source: UsedSource) -> str:
    origin = (
        ", from PubMed Central, each article under its own licence" if source.kind.startswith(PMC) else ""
    )
    named = sorted({each for each in source.licenses if each.strip()})
    licenses = ", ".join(named) if named and named != [UNKNOWN] else f"{UNKNOWN}; ask its owner before reuse"
    return f"{source.name}{origin}. Licence: {licenses}."
