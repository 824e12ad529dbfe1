"""The folder of one query: its runs, their plans and files, and who may write there."""

import gzip
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from knowledge.atomic import replacing, write_text
from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api.answers import read_records
from knowledge.sources.pubmed_api.ledger import BatchEntry, Ledger, open_ledger
from knowledge.sources.pubmed_api.report import RunSummary
from knowledge.sources.pubmed_api.retries import Faulty
from knowledge.sources.pubmed_api.settings import PubmedQuery
from knowledge.sources.pubmed_api.slicing import Slice


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run set out to do; an interrupted run keeps to it.

    Attributes:
        number: From 1.
        first: First Entrez date, `None` for all.
        last: Last Entrez date.
        started: In UTC.
        batch: Records a file.
        again: PMIDs that earlier runs did not get.
    """

    number: int
    first: date | None
    last: date
    started: datetime
    batch: int
    again: tuple[str, ...] = ()

    @property
    def whole(self) -> Slice:
        """All that the run asks for; without limits the first time, for the sake of records without date."""
        return Slice() if self.first is None else Slice(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Run:
    """One run on disk.

    Attributes:
        folder: `run-0001`, so that the files of a later run sort behind those of an earlier one.
        plan: What it set out to do.
        ledger: What it has so far.
    """

    folder: Path
    plan: Plan
    ledger: Ledger

    def file(self, number: int) -> Path:
        """Where a batch lies."""
        return self.folder / f"batch-{number:05d}.xml.gz"

    def is_stored(self, number: int) -> bool:
        """Whether the file is in place, byte for byte."""
        entry, file = self.ledger.batches.get(number), self.file(number)
        return entry is not None and file.is_file() and _sha256(file.read_bytes()) == entry.sha256

    def adopt(self, number: int, pmids: Sequence[str]) -> BatchEntry | None:
        """The entry of a whole file that was put in place just before the run was killed."""
        if number in self.ledger.batches or not self.file(number).is_file():
            return None
        content = self.file(number).read_bytes()
        try:
            records = read_records(gzip.decompress(content), pmids)
        except (Faulty, EOFError, OSError, ValueError):
            return None
        return None if records.missing(pmids) else BatchEntry(number, _sha256(content))

    def store(self, number: int, content: bytes, missing: tuple[str, ...]) -> BatchEntry:
        """Put the XML of a batch in place, whole or not at all."""
        packed = gzip.compress(content, compresslevel=6, mtime=0)
        with replacing(self.file(number)) as stream:
            stream.write(packed)
        return BatchEntry(number, _sha256(packed), missing)


@dataclass(frozen=True, slots=True)
class QueryFolder:
    """All runs of one query.

    Attributes:
        path: The folder.
        query: The query that it belongs to.
    """

    path: Path
    query: PubmedQuery

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else fetches into the folder meanwhile; the system lets go when the process dies."""
        self.path.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path / ".lock", timeout=0, isolation_level=None)) as lock:
            try:
                lock.execute("begin exclusive")
            except sqlite3.OperationalError:
                raise KnowledgeError(
                    f"Another process is fetching into {self.path}: wait for it or choose another folder."
                ) from None
            yield

    def summaries(self) -> tuple[tuple[RunSummary, ...], int]:
        """The complete runs, and the total that PubMed counted last.

        Raises:
            KnowledgeError: The folder belongs to another query, or its `about.json` is damaged.
        """
        path = self.path / "about.json"
        if not path.exists():
            return (), 0
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            asked = about["query"]
            runs = tuple(RunSummary(**{k: _fixed(v) for k, v in run.items()}) for run in about["runs"])
            total = int(about["total"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise KnowledgeError(f"{path} is damaged ({error}): remove the folder to fetch anew.") from error
        if asked != self._query():
            raise KnowledgeError(
                f"{self.path} holds the PubMed query {asked['term']!r} with other limits or words "
                f"than {self.query.term!r}: choose another folder."
            )
        return runs, total

    def save(self, runs: Sequence[RunSummary], *, total: int, held: int) -> None:
        """Write `about.json`: from here on the last run is complete."""
        about = {"query": self._query(), "total": total, "held": held, "runs": [asdict(run) for run in runs]}
        write_text(self.path / "about.json", json.dumps(about, indent=1) + "\n")

    def runs(self) -> list[Run]:
        """All runs that were begun, oldest first."""
        folders = sorted(each for each in self.path.glob("run-*") if (each / "plan.json").is_file())
        return [
            Run(each, self._plan(each / "plan.json"), open_ledger(each / "ledger.jsonl")) for each in folders
        ]

    def begin(self, plan: Plan) -> Run:
        """A new run."""
        folder = self.path / f"run-{plan.number:04d}"
        fields = asdict(plan) | {
            "first": plan.first and plan.first.isoformat(),
            "last": plan.last.isoformat(),
            "started": plan.started.isoformat(),
            "query": self._query(),
        }
        write_text(folder / "plan.json", json.dumps(fields, indent=1) + "\n")
        return Run(folder, plan, open_ledger(folder / "ledger.jsonl"))

    def _plan(self, path: Path) -> Plan:
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            asked = fields.pop("query")
            plan = Plan(
                number=int(fields["number"]),
                first=date.fromisoformat(fields["first"]) if fields["first"] else None,
                last=date.fromisoformat(fields["last"]),
                started=datetime.fromisoformat(fields["started"]),
                batch=int(fields["batch"]),
                again=tuple(fields["again"]),
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise KnowledgeError(
                f"{path} is damaged ({error}): remove {path.parent} to fetch it anew."
            ) from error
        if asked != self._query():
            raise KnowledgeError(
                f"{self.path} holds an unfinished fetch of the PubMed query {asked['term']!r} and not of "
                f"{self.query.term!r} with the same limits: choose another folder."
            )
        return plan

    def _query(self) -> dict[str, Any]:
        return asdict(self.query) | {"since": self.query.since and self.query.since.isoformat()}


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
