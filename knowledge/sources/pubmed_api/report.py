"""What a fetch brought, and the record of each run in `about.json`."""

from dataclasses import dataclass
from pathlib import Path

from knowledge.sources.pubmed_api.settings import PubmedQuery


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One complete run.

    Attributes:
        number: From 1; its files lie in `run-<number>`.
        first: First Entrez date asked for; empty for all.
        last: Last Entrez date asked for.
        started: When it began, in UTC.
        finished: When its last file was in place, in UTC.
        hits: Records that PubMed counted for the run as a whole.
        listed: Different records in its slices; differs from `hits` where PubMed changed meanwhile.
        slices: Searches that the listing took in the end.
        records: Records stored.
        gone: Records of earlier runs that the query no longer finds; they stay.
        missing: PMIDs that PubMed listed and did not give; the next run asks for them again.
        ignored: Parts of the query that PubMed does not know.
        requests: Sent in all, over all interruptions.
        repeated: Of these, repetitions after a fault.
    """

    number: int
    first: str
    last: str
    started: str
    finished: str
    hits: int
    listed: int
    slices: int
    records: int
    gone: int
    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    requests: int
    repeated: int


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What lies in the folder after a fetch.

    Attributes:
        directory: Folder for `read_pubmed_xml`.
        query: What was asked.
        runs: The first fetch and its updates.
        total: Records of the whole query as PubMed last counted them.
        held: Different records in the folder.
        requests: Sent by this call; 0 where the folder was fresh.
    """

    directory: Path
    query: PubmedQuery
    runs: tuple[RunSummary, ...]
    total: int
    held: int
    requests: int

    @property
    def last(self) -> RunSummary:
        """The newest run."""
        return self.runs[-1]

    @property
    def until(self) -> str:
        """The day up to which the folder is complete, e.g. `2026-11-23`."""
        return self.last.started[:10]

    def remarks(self) -> tuple[str, ...]:
        """One sentence for each thing that a reader of the figures must know."""
        run = self.last
        found = []
        if run.ignored:
            found.append(
                f"PubMed does not know these parts of the query and left them out: {'; '.join(run.ignored)}."
            )
        if run.hits != run.listed and self.query.maximum is None:
            found.append(f"PubMed counted {run.hits} records as a whole and listed {run.listed}.")
        if run.missing:
            some = ", ".join(run.missing[:5])
            found.append(f"{len(run.missing)} listed records were not given, e.g. PMID {some}.")
        if run.gone:
            found.append(
                f"The query no longer finds {run.gone} records of the folder: remove it to fetch all anew."
            )
        return tuple(found)
