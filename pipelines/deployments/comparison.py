"""An audit beside the one that was last told, so that nothing is told twice or lost to a kill."""

import json
from dataclasses import dataclass
from pathlib import Path

from models.evaluation.report import AuditRow
from models.files import write_text
from pipelines.errors import PipelineError
from pipelines.history.changes import Move, Moved, changed_ingredients, moved_numbers
from pipelines.history.entry import HistoryEntry
from pipelines.history.store import entry_files, history_folder, read_entry
from pipelines.status import open_finished

TOLD = "told.json"
METHOD = "knobo"
DOMAINS = frozenset({"in_domain", "shifted"})
METRICS = frozenset({"accuracy", "worst_group_accuracy"})


@dataclass(frozen=True, slots=True)
class Comparison:
    """The newest audit of a run beside the one that was told before it.

    Attributes:
        directory: Of the run.
        number: Of the newest entry in the history.
        earlier: The entry told before; None for the first audit, and where the newest was told already.
        later: The newest entry.
        is_new: Whether it has not been told.
    """

    directory: Path
    number: int
    earlier: HistoryEntry | None
    later: HistoryEntry
    is_new: bool

    @property
    def worse(self) -> tuple[Moved, ...]:
        """Numbers of KnoBo on a domain that fell out of their earlier interval on its bad side."""
        if self.earlier is None:
            return ()
        moved = moved_numbers(self.earlier, self.later)
        return tuple(each for each in moved if each.move is Move.WORSE and is_watched(each.later))

    @property
    def changed(self) -> tuple[str, ...]:
        """What the audit rests on that is not as it was."""
        return () if self.earlier is None else changed_ingredients(self.earlier, self.later)

    @property
    def sentence(self) -> str:
        """What got worse, with the numbers; for an alert."""
        return "; ".join(fallen(each) for each in self.worse)


def is_watched(row: AuditRow) -> bool:
    """Whether a number is one of a domain as a whole, or of the group that it serves worst."""
    whole = not row.group or row.metric.startswith("worst_group")
    return row.method == METHOD and row.domain in DOMAINS and row.metric in METRICS and whole


def fallen(moved: Moved) -> str:
    """`accuracy on exposure, shifted: 0.553, before 0.602 (0.571 to 0.633)`."""
    earlier, later = moved.earlier, moved.later
    where = f"{later.metric.replace('_', ' ')} on {later.split}, {later.domain.replace('_', ' ')}"
    return f"{where}: {later.value:.3f}, before {earlier.value:.3f} ({earlier.low:.3f} to {earlier.high:.3f})"


def compare_with_told(directory: Path) -> Comparison:
    """The newest audit of a run in its history.

    Raises:
        PipelineError: The run has no audit in its history, or a file of it is damaged.
    """
    folder = folder_of(directory)
    files = entry_files(folder)
    if not files:
        raise PipelineError(f"{folder} holds no audit of {directory}; finish the run with `knobo run`")
    told, newest = told_number(folder), int(files[-1].stem)
    before = [file for file in files if int(file.stem) <= told] if told else files[:-1]
    is_new = told != newest
    earlier = read_entry(before[-1]) if before and is_new else None
    return Comparison(directory, newest, earlier, read_entry(files[-1]), is_new)


def mark_told(comparison: Comparison) -> None:
    """Notes that everything about the newest audit has been told."""
    path = folder_of(comparison.directory) / TOLD
    write_text(path, json.dumps({"schema": 1, "entry": comparison.number}) + "\n")


def told_number(folder: Path) -> int | None:
    """Number of the entry that was last told; None where none was."""
    try:
        return int(json.loads((folder / TOLD).read_text("utf-8"))["entry"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PipelineError(f"{folder / TOLD} is damaged ({error}); remove it") from error


def folder_of(directory: Path) -> Path:
    """Where the history of a run lies."""
    return history_folder(directory.parent) / open_finished(directory).config.name
