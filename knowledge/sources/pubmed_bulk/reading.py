"""A mirror of PubMed as a stream of documents: several files at once, in one order."""

import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from knowledge.errors import KnowledgeError
from knowledge.passages import Document, Section
from knowledge.sources.pubmed_bulk.census import Census, Plan, ensure_index, plans, take_census
from knowledge.sources.pubmed_bulk.names import current_year
from knowledge.sources.pubmed_bulk.report import NAMED, BadRecord, BulkReport, Tally
from knowledge.sources.pubmed_bulk.selection import Selection
from knowledge.sources.pubmed_bulk.state import FOLDER, State
from knowledge.sources.pubmed_records import ARTICLES, BadRecordError, parse_deletion, parse_record, pieces


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the documents of all files have in common."""

    source: str
    license: str
    selection: Selection


def read_bulk(
    directory: Path,
    *,
    source: str,
    license: str,  # noqa: A002 - the field's word
    selection: Selection | None = None,
    workers: int = 1,
    state: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> "BulkReading":
    """One document a PMID that has an abstract, as the newest file that names it has it, newest file first.

    Args:
        directory: Holds `pubmed26n0001.xml.gz` and so on; those of the newest year are read.
        source: Name of the literature source.
        license: Licence of the text.
        selection: Which records to keep; each by default.
        workers: Files parsed at once, each in a process of its own.
        state: Where the indexes and the manifest are kept; a folder below `directory` by default.
        progress: Called with (files done, files).

    Raises:
        KnowledgeError: There are no such files, or far fewer records than at the last reading.
    """
    if workers < 1:
        raise KnowledgeError(f"The number of workers is {workers}: give 1 or more.")
    wanted = _Wanted(source, license, selection or Selection())
    return BulkReading(directory, State(state or directory / FOLDER), wanted, workers, progress)


class BulkReading:
    """The documents, once through; `report` says what was found on the way.

    Broken records and damaged files do not end it: what can be read is read, and the report names the rest.
    Nothing of the corpus is held: with one worker the documents of a file come as it is parsed, with several
    they wait on disk until those of the newer files have been taken. Taken to the end, the PMIDs are kept for
    the next diff.
    """

    def __init__(
        self,
        directory: Path,
        state: State,
        wanted: _Wanted,
        workers: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._files, self._ignored = current_year(directory, state)
        state.prepare()
        self._state = state
        self._wanted = wanted
        self._workers = workers
        self._progress = progress
        self._tally = Tally()
        self._census: Census | None = None
        self._documents = self._read()

    def __iter__(self) -> Iterator[Document]:
        return self

    def __next__(self) -> Document:
        return next(self._documents)

    @property
    def report(self) -> BulkReport:
        """What was found so far."""
        tally, census = self._tally, self._census
        vanished = () if census is None else census.vanished()
        return BulkReport(
            files=len(self._files),
            records=tally.records,
            superseded=tally.superseded,
            documents=tally.documents,
            retracted=tally.retracted,
            notices=tally.notices,
            without_text=tally.without_text,
            unselected=tally.unselected,
            bad_records=tally.bad_records,
            bad=tuple(tally.bad),
            damaged=tuple(tally.damaged),
            ignored=tuple(file.name for file in self._ignored),
            live=0 if census is None else len(census.live),
            deleted=0 if census is None else len(census.deleted.less(census.live)),
            new=0 if census is None else census.new(),
            vanished=len(vanished),
            vanished_named=tuple(int(pmid) for pmid in vanished[:NAMED]),
        )

    def _read(self) -> Iterator[Document]:
        if self._workers == 1:
            yield from self._one_by_one()
        else:
            context = get_context("spawn")  # a fork would copy the locks of other threads, held or not
            with ProcessPoolExecutor(self._workers, mp_context=context) as pool:
                yield from self._several(pool)
        assert self._census is not None
        self._state.write_manifest(self._census.live)

    def _one_by_one(self) -> Iterator[Document]:
        self._census = take_census(self._files, self._state)
        for number, plan in enumerate(plans(self._census, self._state), start=1):
            yield from documents_of(plan, self._wanted, self._tally)
            self._done(number)

    def _several(self, pool: Executor) -> Iterator[Document]:
        """Each worker writes the documents of a file to disk; they are handed over in the order of files."""
        for _ in pool.map(_index, self._files, [self._state.folder] * len(self._files)):
            pass
        self._census = take_census(self._files, self._state)
        with tempfile.TemporaryDirectory(prefix=".parsed-", dir=self._state.folder) as folder:
            waiting = deque[tuple[Path, Future[Tally]]]()
            todo = enumerate(plans(self._census, self._state), start=1)
            done = 0
            while True:
                while len(waiting) <= self._workers and (following := next(todo, None)) is not None:
                    number, plan = following
                    parsed = Path(folder) / f"{number}.jsonl"
                    waiting.append((parsed, pool.submit(_parse_to, parsed, plan, self._wanted)))
                if not waiting:
                    return
                parsed, future = waiting.popleft()
                tally = future.result()
                yield from _parsed(parsed)
                parsed.unlink()
                self._tally.add(tally)
                done += 1
                self._done(done)

    def _done(self, number: int) -> None:
        if self._progress is not None:
            self._progress(number, len(self._files))


def documents_of(plan: Plan, wanted: _Wanted, tally: Tally) -> Iterator[Document]:
    """The documents of one file; what is left out is counted in `tally`."""
    mesh = bool(wanted.selection.mesh)
    number = -1
    try:
        for piece in pieces(plan.file):
            try:
                if piece.tag not in ARTICLES:
                    parse_deletion(piece)
                    continue
                number += 1
                tally.records += 1
                if not plan.live[number]:
                    tally.superseded += 1
                    continue
                record = parse_record(piece, mesh=mesh)
            except BadRecordError as error:
                tally.name(BadRecord(plan.file.name, error.line, str(error)))
                continue
            if record.notice:
                tally.notices += 1
            elif not any(section.text for section in record.sections):
                tally.without_text += 1
            elif not wanted.selection.wants(record):
                tally.unselected += 1
            else:
                document = record.document(
                    source=wanted.source, license=wanted.license, retracted=bool(plan.noticed[number])
                )
                tally.documents += 1
                tally.retracted += document.retracted
                yield document
    except KnowledgeError as error:
        tally.damaged.append(str(error))


def _index(file: Path, folder: Path) -> None:
    ensure_index(file, State(folder))


def _parse_to(path: Path, plan: Plan, wanted: _Wanted) -> Tally:
    tally = Tally()
    with path.open("w", encoding="utf-8") as stream:
        for document in documents_of(plan, wanted, tally):
            sections = [(section.heading, section.text) for section in document.sections]
            fields = (
                document.id,
                document.title,
                sections,
                document.source,
                document.license,
                document.retracted,
                document.year,
            )
            stream.write(json.dumps(fields, ensure_ascii=False) + "\n")
    return tally


def _parsed(path: Path) -> Iterator[Document]:
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            identity, title, sections, *rest = json.loads(line)
            yield Document(identity, title, tuple(Section(*each) for each in sections), *rest)
