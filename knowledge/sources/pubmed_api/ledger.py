"""What a run has asked and stored so far, one line of JSON each: a stop costs only what was under way."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from knowledge.sources.pubmed_api.answers import Found
from knowledge.sources.pubmed_api.slicing import Slice


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One stored file.

    Attributes:
        number: Of the batch, from 1.
        sha256: Of the file.
        missing: PMIDs asked for that never came.
    """

    number: int
    sha256: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """The outcome of all searches of a run.

    Attributes:
        pmids: What to fetch, ascending.
        hits: Count of what the run asked for as a whole.
        listed: Different records that the slices list.
        slices: How many slices.
        total: Count of the query without the limits of an update.
        gone: Records held that the query no longer finds.
        ignored: Parts of the query that PubMed does not know.
        retracted: Records held that PubMed calls retracted; only an update asks.
    """

    pmids: tuple[str, ...]
    hits: int
    listed: int
    slices: int
    total: int
    gone: int
    ignored: tuple[str, ...]
    retracted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests sent, and how many of them were repetitions."""

    requests: int = 0
    repeated: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.requests + other.requests, self.repeated + other.repeated)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.requests - other.requests, self.repeated - other.repeated)


@dataclass(slots=True)
class Ledger:
    """The lines of one run; read once, then appended to by any thread.

    Attributes:
        path: The file.
        slices: Answer of each slice that was asked; those with too many records keep their count only.
        listing: What the slices came to, once all are there; the batches follow from it.
        batches: Stored files by number.
        spent: Requests that led to these lines.
    """

    path: Path
    slices: dict[Slice, Found] = field(default_factory=dict)
    listing: Listing | None = None
    batches: dict[int, BatchEntry] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add_slice(self, part: Slice, found: Found, spent: Spent) -> None:
        """Keep what a search found."""
        with self._lock:
            self.slices[part] = found
            self._append("slice", _slice_line(part, found), spent)

    def add_listing(self, listing: Listing, spent: Spent) -> None:
        """Keep what all searches came to."""
        with self._lock:
            self.listing = listing
            self._append("listing", asdict(listing), spent)

    def add_batch(self, entry: BatchEntry, spent: Spent) -> None:
        """Keep that a file is in place."""
        with self._lock:
            self.batches[entry.number] = entry
            self._append("batch", asdict(entry), spent)

    def forget_slices(self) -> None:
        """Ask all slices anew next time: they came to nothing, or did not add up."""
        with self._lock:
            self.slices.clear()
            self._append("forget", {}, Spent())

    def _append(self, kind: str, line: dict[str, Any], spent: Spent) -> None:
        self.spent += spent
        text = json.dumps({"kind": kind, **line, **asdict(spent)}) + "\n"
        with self.path.open("ab") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())


def open_ledger(path: Path) -> Ledger:
    """The ledger as far as it is whole; a line that was being written when the run was killed is cut off."""
    ledger = Ledger(path)
    whole = 0
    for line in _lines(path):
        whole += len(line)
        _take(ledger, json.loads(line))
    if path.exists() and path.stat().st_size > whole:
        os.truncate(path, whole)
    return ledger


def _lines(path: Path) -> Iterator[bytes]:
    """The leading lines that are whole JSON objects."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        for line in stream:
            try:
                whole = line.endswith(b"\n") and isinstance(json.loads(line), dict)
            except ValueError:
                whole = False
            if not whole:
                return
            yield line


def _take(ledger: Ledger, line: dict[str, Any]) -> None:
    kind = line.pop("kind")
    ledger.spent += Spent(line.pop("requests"), line.pop("repeated"))
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in line.items()
    }
    if kind == "slice":
        part = Slice(
            _date(line["first"]),
            _date(line["last"]),
            line["low"],
            line["high"],
            line.get("dated", "edat"),
            line.get("kind_of", ""),
        )
        ledger.slices[part] = Found(fields["count"], fields["pmids"], fields["ignored"])
    elif kind == "listing":
        ledger.listing = Listing(**fields)
    elif kind == "batch":
        ledger.batches[fields["number"]] = BatchEntry(**fields)
    else:
        ledger.slices.clear()


def _slice_line(part: Slice, found: Found) -> dict[str, Any]:
    return {
        "first": part.first and part.first.isoformat(),
        "last": part.last and part.last.isoformat(),
        "low": part.low,
        "high": part.high,
        "dated": part.dated,
        "kind_of": part.kind,  # `kind` is that of the line
        **asdict(found),
    }


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
