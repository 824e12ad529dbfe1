"""The history beside the runs: a folder a run, a numbered file an audit, never changed afterwards."""

import json
import logging
import os
from pathlib import Path
from uuid import uuid4

from pipelines.errors import PipelineError
from pipelines.history.entry import HistoryEntry
from pipelines.run import Run

log = logging.getLogger("knobo")

FOLDER = ".history"  # no run can have this name


def record_audit(run: Run) -> HistoryEntry | None:
    """Adds the audit of a finished run to the history beside it; None where the last entry tells the same."""
    entry, folder = HistoryEntry.of(run), history_folder(run.directory.parent) / run.config.name
    known = read_entries(folder)
    if known and known[-1].rests_on() == entry.rests_on():
        return None
    if known and known[-1].finished > entry.finished:
        log.warning(
            "the clock was set back: this audit is dated %s, the one before it %s; check the clock, and the "
            "history keeps them in the order in which they were made",
            entry.finished,
            known[-1].finished,
        )
    add_entry(folder, entry)
    return entry


def history_folder(runs: Path) -> Path:
    """Where the history of the runs in a folder lies."""
    return runs / FOLDER


def add_entry(folder: Path, entry: HistoryEntry) -> Path:
    """A new file under the next free number, whole or not at all, also when two processes add at a time.

    Raises:
        PipelineError: It cannot be written.
    """
    begun = folder / f".{uuid4().hex}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with begun.open("x", encoding="utf-8") as file:
            file.write(json.dumps(entry.as_json(), sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return link_to_next(folder, begun)
    except OSError as error:
        raise PipelineError(
            f"the history at {folder} cannot be written ({error.strerror}); make room or allow writing "
            "there, and run again"
        ) from error
    finally:
        begun.unlink(missing_ok=True)


def link_to_next(folder: Path, begun: Path) -> Path:
    """Gives a whole file the first number that nobody else takes."""
    number = max((int(file.stem) for file in entry_files(folder)), default=0) + 1
    while True:
        target = folder / f"{number:06d}.json"
        try:
            target.hardlink_to(begun)
        except FileExistsError:
            number += 1
        else:
            return target


def read_entries(folder: Path) -> tuple[HistoryEntry, ...]:
    """Entries of one run, the oldest first; none where there is no history yet.

    Raises:
        PipelineError: A file is damaged.
    """
    return tuple(read_entry(file) for file in entry_files(folder))


def entry_files(folder: Path) -> list[Path]:
    """Files of the entries in their order."""
    return sorted(file for file in folder.glob("*.json") if file.stem.isdigit())


def read_entry(file: Path) -> HistoryEntry:
    """One of them."""
    try:
        return HistoryEntry.from_json(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise PipelineError(f"{file} is no entry of a history ({error}); remove it") from error


def read_histories(runs: Path) -> dict[str, tuple[HistoryEntry, ...]]:
    """Entries by run, in order of the names.

    Raises:
        PipelineError: No run in the folder has a history.
    """
    folder = history_folder(runs)
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = {name: entries for name in names if (entries := read_entries(folder / name))}
    if not found:
        raise PipelineError(f"{runs} has no history; give the folder in which `knobo run` made its runs")
    return found


def previous_of(directory: Path, *, name: str, audit: str) -> HistoryEntry | None:
    """The newest entry of a run whose audit is another one than this."""
    entries = read_entries(history_folder(directory.resolve().parent) / name)
    return next((entry for entry in reversed(entries) if entry.audit != audit), None)
