"""Names of PubMed's files: `pubmed26n0001.xml.gz` is the first file of the baseline for 2026."""

import re
from pathlib import Path

from knowledge.sources.files import source_files
from knowledge.sources.pubmed_bulk.state import State

NAME = re.compile(r"pubmed(\d\d)n(\d{4,5})\.xml\.gz")
SUFFIXES = (".xml", ".xml.gz")


def year_of(name: str) -> int:
    """Two digits; -1 where it is not such a name."""
    found = NAME.fullmatch(name)
    return int(found[1]) if found else -1


def number_of(name: str) -> int:
    """Position in the year; -1 where it is not such a name."""
    found = NAME.fullmatch(name)
    return int(found[2]) if found else -1


def current_year(directory: Path, state: State) -> tuple[list[Path], list[Path]]:
    """The files to read, oldest first, and those of other years.

    The baseline of a year is a full re-issue: files of two years are never layered, or withdrawn PMIDs would
    survive. Where a mirror is kept, its year is that of the ledger: a half-fetched new year is not read. In a
    folder without such names all PubMed XML counts, in the order of the names.
    """
    files = source_files(directory, SUFFIXES, wanted="named like pubmed26n0001.xml.gz")
    named = [file for file in files if NAME.fullmatch(file.name)]
    if not named:
        return files, []
    kept = {year_of(name) for name in state.read_ledger()} & {year_of(file.name) for file in named}
    year = min(kept) if kept else max(year_of(file.name) for file in named)
    chosen = [file for file in named if year_of(file.name) == year]
    ignored = [file for file in named if year_of(file.name) != year]
    return sorted(chosen, key=lambda file: number_of(file.name)), ignored
