"""A mirror of PubMed's baseline and update files: each file fetched once, verified, and then left alone."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import KnowledgeError, NetworkError
from knowledge.sources.pubmed_bulk.fetching import Fetching, download
from knowledge.sources.pubmed_bulk.listing import Listed, checksum, newest_year
from knowledge.sources.pubmed_bulk.names import number_of, year_of
from knowledge.sources.pubmed_bulk.state import FOLDER, State, Verified
from knowledge.sources.pubmed_records import FileIndex, index_file


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one synchronisation did.

    Attributes:
        year: Year of the baseline, e.g. 2026.
        files: Files of that year on the server, all verified here now.
        fetched: Names of those fetched.
        adopted: Names of those that lay here already with the right checksum.
        removed: Files of an earlier year, deleted once the new one was complete.
        missing: File numbers between the first and the last that the server does not list.
    """

    year: int
    files: int
    fetched: tuple[str, ...]
    adopted: tuple[str, ...]
    removed: tuple[str, ...]
    missing: tuple[int, ...]


def sync_bulk(
    url: str,
    directory: Path,
    *,
    fetching: Fetching | None = None,
    state: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SyncReport:
    """Fetch what is new below `url`, e.g. `https://ftp.ncbi.nlm.nih.gov/pubmed/`.

    A file gets its name once its MD5 and its gzip end are right and it holds records. A stopped run
    goes on where it was. At a new year the whole baseline is fetched; until it is complete, the old year
    stays in use, and is then deleted.

    Raises:
        NetworkError: The server cannot be reached, or fails; what was fetched is kept.
        KnowledgeError: A file cannot be had whole however often it is tried; the others are kept.
    """
    fetching = fetching or Fetching()
    directory.mkdir(parents=True, exist_ok=True)
    mirror = _Mirror(directory, State(state or directory / FOLDER), fetching)
    offered = newest_year(url, fetching)
    for leftover in directory.glob(".pubmed*.part.gz"):
        leftover.unlink()
    fetched, adopted = mirror.take(offered, progress)
    year = year_of(offered[0].name)
    numbers = {number_of(each.name) for each in offered}
    return SyncReport(
        year=2000 + year,
        files=len(offered),
        fetched=tuple(sorted(fetched)),
        adopted=tuple(sorted(adopted)),
        removed=tuple(mirror.drop_other_years(year)),
        missing=tuple(sorted(set(range(min(numbers), max(numbers))) - numbers)),
    )


class _Mirror:
    """The folder, its ledger, and the lock under which threads change it."""

    def __init__(self, directory: Path, state: State, fetching: Fetching) -> None:
        self.directory = directory
        self.state = state
        self.fetching = fetching
        self.ledger = state.read_ledger()
        self.lock = threading.Lock()

    def take(
        self, offered: list[Listed], progress: Callable[[int, int], None] | None
    ) -> tuple[list[str], list[str]]:
        """Names of the files fetched and of those found here."""
        fetched, adopted, failures = list[str](), list[str](), list[KnowledgeError]()
        todo = [each for each in offered if not self._is_verified(each)]
        done = len(offered) - len(todo)
        with ThreadPoolExecutor(self.fetching.connections) as pool:
            futures = {pool.submit(self._settle, each): each.name for each in todo}
            for future in as_completed(futures):
                done += 1
                try:
                    (fetched if future.result() else adopted).append(futures[future])
                except KnowledgeError as error:
                    failures.append(error)
                if progress is not None:
                    progress(done, len(offered))
        if failures:
            raise _joined(failures)
        return fetched, adopted

    def drop_other_years(self, year: int) -> Iterator[str]:
        """Delete what the ledger holds of them: user's own files are left alone."""
        others = [name for name in self.ledger if year_of(name) != year]
        for name in others:
            del self.ledger[name]
        if others:
            self.state.write_ledger(self.ledger)
        for name in others:
            (self.directory / name).unlink(missing_ok=True)
            self.state.forget(name)
            yield name

    def _is_verified(self, listed: Listed) -> bool:
        entry, file = self.ledger.get(listed.name), self.directory / listed.name
        return (
            entry is not None
            and entry.listed == listed.listed
            and file.is_file()
            and file.stat().st_size == entry.size
        )

    def _settle(self, listed: Listed) -> bool:
        """Whether it had to be fetched; either way it is verified and in the ledger afterwards."""
        md5 = checksum(listed, self.fetching)
        file = self.directory / listed.name
        if file.is_file() and _md5(file) == md5:
            self._enter(listed, md5, file, _checked(file, listed.url))
            return False
        draft = self.directory / f".{listed.name.removesuffix('.gz')}.part.gz"
        try:
            download(listed.url, draft, md5=md5, fetching=self.fetching)
            index = _checked(draft, listed.url)
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
        self._enter(listed, md5, file, index)
        return True

    def _enter(self, listed: Listed, md5: str, file: Path, index: FileIndex) -> None:
        self.state.write_index(file, index)
        with self.lock:
            self.ledger[listed.name] = Verified(md5, file.stat().st_size, listed.listed, len(index.pmids))
            self.state.write_ledger(self.ledger)


def _joined(failures: list[KnowledgeError]) -> KnowledgeError:
    """One error for all; of the network only where another try may bring every file."""
    kind = NetworkError if all(isinstance(each, NetworkError) for each in failures) else KnowledgeError
    first = min(map(str, failures))
    return kind(first if len(failures) == 1 else f"{len(failures)} files failed, first: {first}")


def _checked(file: Path, url: str) -> FileIndex:
    """The index of a file that can be read to its end and holds something: a checksum vouches for neither."""
    index = index_file(file)
    if index.damage:
        raise KnowledgeError(f"{url} has the MD5 of its server and is damaged: {index.damage}")
    if not index.pmids.any() and not len(index.deleted):
        raise KnowledgeError(f"{url} holds no PubMed record: run again when the server has mended it.")
    return index


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
