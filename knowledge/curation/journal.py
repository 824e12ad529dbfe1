"""The journal of a run's bank: every change with who, when and why, in order, and never altered."""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.curation.changes import KINDS, Change, Undo, name_of, to_row
from knowledge.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal.

    Attributes:
        number: 1, 2, 3, ...
        when: UTC, ISO 8601.
        who: Name of the person.
        reason: As given; may be empty.
        change: What was done.
    """

    number: int
    when: str
    who: str
    reason: str
    change: Change

    @property
    def kind(self) -> str:
        """`edit`, `merge`, `drop`, `add`, `sign` or `undo`."""
        return name_of(self.change)


def utc_now() -> str:
    """To the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_journal(path: Path) -> tuple[Entry, ...]:
    """Entries in order; none where there is no journal.

    Raises:
        KnowledgeError: A line is no entry, or does not follow from the line before it.
    """
    if not path.is_file():
        return ()
    entries, previous = [], ""
    for number, line in enumerate(_lines(path), start=1):
        entries.append(_parse(line, path, number, previous))
        previous = _digest(line)
    return tuple(entries)


def append(
    path: Path,
    changes: Sequence[Change],
    *,
    who: str,
    reason: str,
    seen: int,
    now: Callable[[], str] = utc_now,
) -> tuple[Entry, ...]:
    """Writes the changes down, all or none; returns their entries.

    Args:
        path: Of the journal; made where absent.
        changes: In order.
        who: The person.
        reason: Why.
        seen: Entries that the journal had when the changes were worked out.
        now: The time.

    Raises:
        KnowledgeError: Somebody else wrote to the journal since.
    """
    with _locked(path):
        entries = read_journal(path)
        if len(entries) != seen:
            raise KnowledgeError(
                f"{path} has grown from {seen} to {len(entries)} entries meanwhile, by {entries[-1].who}: "
                "look at the bank and give the command again."
            )
        lines = _lines(path) if path.is_file() else []
        made = tuple(
            Entry(number, now(), who, reason, change) for number, change in enumerate(changes, seen + 1)
        )
        for entry in made:
            lines.append(_line(entry, _digest(lines[-1]) if lines else ""))
        write_text(path, "".join(line + "\n" for line in lines))
    return made


def active(entries: Sequence[Entry]) -> frozenset[int]:
    """Numbers of the entries that count: a later undo that itself counts takes entries out."""
    undone: set[int] = set()
    for entry in reversed(entries):
        if entry.number not in undone and isinstance(entry.change, Undo):
            undone |= set(entry.change.numbers)
    return frozenset(entry.number for entry in entries if entry.number not in undone)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def _line(entry: Entry, previous: str) -> str:
    row = {"number": entry.number, "when": entry.when, "who": entry.who, "reason": entry.reason}
    return json.dumps({**row, **to_row(entry.change), "previous": previous}, ensure_ascii=False)


def _parse(line: str, path: Path, number: int, previous: str) -> Entry:
    try:
        row = json.loads(line)
        change = KINDS[row["change"]].parse(row)
        entry = Entry(int(row["number"]), str(row["when"]), str(row["who"]), str(row["reason"]), change)
        follows = (entry.number, row["previous"]) == (number, previous)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KnowledgeError(
            f"Line {number} of {path} is no entry of a journal ({type(error).__name__}: {error}); "
            "restore the file from a copy."
        ) from error
    if not follows:
        raise KnowledgeError(
            f"Line {number} of {path} does not follow from the line before it: the journal was changed by "
            "hand; restore it from a copy and change the bank with `knobo concepts`."
        )
    return entry


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
