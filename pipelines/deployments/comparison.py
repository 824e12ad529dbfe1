"""An audit beside the one that was last told, so that nothing is told twice or lost to a kill."""

import json
from collections.abc import Iterable
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
class Told:
    """What people have heard of a run.

    Attributes:
        entry: Number in the history of the audit that was told last; None where none was.
        broken: Rules of a policy that were told as broken and are so still, whatever the numbers.
        count: How often something was told; it tells one alert from a later one of the same words.
    """

    entry: int | None = None
    broken: frozenset[str] = frozenset()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The newest audit of a run beside the one that was told before it.

    Attributes:
        directory: Of the run.
        number: Of the newest entry in the history.
        earlier: The entry told before; None for the first audit, and where the newest was told already.
        later: The newest entry.
        told: What was told so far.
    """

    directory: Path
    number: int
    earlier: HistoryEntry | None
    later: HistoryEntry
    told: Told

    @property
    def is_new(self) -> bool:
        """Whether the newest audit has not been told."""
        return self.told.entry != self.number

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
    told, newest = read_told(folder), int(files[-1].stem)
    before = [file for file in files if int(file.stem) <= told.entry] if told.entry else files[:-1]
    earlier = read_entry(before[-1]) if before and told.entry != newest else None
    return Comparison(directory, newest, earlier, read_entry(files[-1]), told)


def mark_told(comparison: Comparison, broken: Iterable[str] | None = ()) -> None:
    """Notes that everything about the newest audit has been told, and which rules it breaks.

    Args:
        comparison: The audit.
        broken: The rules; None where it was held against none, and they stay as they were told.
    """
    values = {
        "schema": 1,
        "entry": comparison.number,
        "broken": sorted(comparison.told.broken if broken is None else broken),
        "count": comparison.told.count + 1,
    }
    write_text(folder_of(comparison.directory) / TOLD, json.dumps(values) + "\n")


def read_told(folder: Path) -> Told:
    """Of a run's history; nothing where nothing was told."""
    try:
        values = json.loads((folder / TOLD).read_text("utf-8"))
        broken = frozenset(map(str, values.get("broken", ())))
        return Told(int(values["entry"]), broken, int(values.get("count", 0)))
    except FileNotFoundError:
        return Told()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PipelineError(f"{folder / TOLD} is damaged ({error}); remove it") from error


def folder_of(directory: Path) -> Path:
    """Where the history of a run lies."""
    return history_folder(directory.parent) / open_finished(directory).config.name
