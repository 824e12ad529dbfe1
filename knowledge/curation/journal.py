"""The journal of a run's bank: every change with who, when and why, in order, and never altered."""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
        digest: Of its line; empty for one that is not written.
    """

    number: int
    when: str
    who: str
    reason: str
    change: Change
    digest: str = field(default="", compare=False)

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
    entries: list[Entry] = []
    sealed = False
    for number, line in enumerate(_lines(path), start=1):
        row = _row(line, path, number)
        entries.append(_parse(row, line, path, number))
        before = entries[-2].digest if number > 1 else ""
        if (row.get("previous"), entries[-1].number) != (before, number):
            raise KnowledgeError(
                f"Line {number} of {path} does not follow from the line before it: the journal was changed "
                "by hand; restore it from a copy and change the bank with `knobo concepts`."
            )
        if "digest" in row or sealed:  # journals of earlier versions begin without
            _require_unaltered(row, path, number)
            sealed = True
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
        KnowledgeError: Somebody else wrote to the journal since, or it cannot be written.
    """
    try:
        return _append(path, changes, who=who, reason=reason, seen=seen, now=now)
    except OSError as error:
        raise KnowledgeError(
            f"The journal {path} cannot be written ({error.strerror}); check the rights and the disk."
        ) from error
    except UnicodeEncodeError as error:
        raise KnowledgeError(
            f"The change holds {error.object[error.start : error.end]!r}, which is no character; give the "
            "text in UTF-8."
        ) from error


def _append(
    path: Path, changes: Sequence[Change], *, who: str, reason: str, seen: int, now: Callable[[], str]
) -> tuple[Entry, ...]:
    with _locked(path):
        entries = read_journal(path)
        if len(entries) != seen:
            raise KnowledgeError(
                f"{path} has grown from {seen} to {len(entries)} entries meanwhile, by {entries[-1].who}: "
                "look at the bank and give the command again."
            )
        lines = _lines(path) if path.is_file() else []
        made = []
        for number, change in enumerate(changes, seen + 1):
            entry = Entry(number, now(), who, reason, change)
            lines.append(_line(entry, _digest(lines[-1]) if lines else ""))
            made.append(replace(entry, digest=_digest(lines[-1])))
        write_text(path, "".join(line + "\n" for line in lines))
    return tuple(made)


def active(entries: Sequence[Entry]) -> frozenset[int]:
    """Numbers of the entries that count: a later undo that itself counts takes entries out."""
    undone: set[int] = set()
    for entry in reversed(entries):
        if entry.number not in undone and isinstance(entry.change, Undo):
            undone |= set(entry.change.numbers)
    return frozenset(entry.number for entry in entries if entry.number not in undone)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    except UnicodeDecodeError as error:
        raise KnowledgeError(
            f"The journal {path} is not UTF-8 (byte {error.start}); restore the file from a copy."
        ) from error
    except OSError as error:
        raise KnowledgeError(
            f"The journal {path} cannot be read ({error.strerror}); check its rights."
        ) from error


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def _line(entry: Entry, previous: str) -> str:
    row = {"number": entry.number, "when": entry.when, "who": entry.who, "reason": entry.reason}
    row |= {**to_row(entry.change), "previous": previous}
    return _json({**row, "digest": _digest(_json(row))})


def _json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _row(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise TypeError("it is no object")  # noqa: TRY301 - told as the others are
        _json(row).encode()  # half a surrogate pair cannot be written again
    except (ValueError, TypeError, RecursionError) as error:
        raise _no_entry(path, number, error) from error
    return row


def _parse(row: Mapping[str, Any], line: str, path: Path, number: int) -> Entry:
    try:
        change = KINDS[row["change"]].parse(row)
        if isinstance(change, Undo) and not all(0 < each < number for each in change.numbers):
            raise ValueError("it undoes what does not stand before it")  # noqa: TRY301 - told as the others
        return Entry(
            int(row["number"]),
            str(row["when"]),
            str(row["who"]),
            str(row["reason"]),
            change,
            _digest(line),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise _no_entry(path, number, error) from error


def _no_entry(path: Path, number: int, error: Exception) -> KnowledgeError:
    return KnowledgeError(
        f"Line {number} of {path} is no entry of a journal ({type(error).__name__}: {error}); "
        "restore the file from a copy."
    )


def _require_unaltered(row: Mapping[str, Any], path: Path, number: int) -> None:
    content = {key: value for key, value in row.items() if key != "digest"}
    if row.get("digest") != _digest(_json(content)):
        raise KnowledgeError(
            f"Line {number} of {path} is not as it was written: the journal was changed by hand; restore it "
            "from a copy and change the bank with `knobo concepts`."
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
