"""What is known of an audit, each part in a small file that is replaced as a whole."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from models.files import write_text


class State(StrEnum):
    """How far an audit is."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Its process ended before its time; the server goes on with it."""
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for.

    Attributes:
        configuration: Name of the file in the folder of configurations, without its ending.
        run: Name of the run, a folder below the runs.
        requested: When, UTC.
        starts: How many processes have been given it.
    """

    configuration: str
    run: str
    requested: str
    starts: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far its stages are.

    Attributes:
        stages_done: Finished, or found fresh.
        stages: In all; 0 before the first is begun.
        running: Names of those at work.
        work: What counts its units, empty where nothing does: `encode`.
        done: Units done.
        total: Units to do.
        unit: `images`.
    """

    stages_done: int = 0
    stages: int = 0
    running: tuple[str, ...] = ()
    work: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended.

    Attributes:
        state: Completed or failed.
        ended: When, UTC.
        error: One sentence; empty where it completed.
        headline: Of the audit, in one line; empty where it failed.
        audit: SHA-256 of `audit.json`.
        report: SHA-256 of `report.html`.
    """

    state: State
    ended: str
    error: str = ""
    headline: str = ""
    audit: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """All that is known of one."""

    id: str
    state: State
    order: Order
    progress: Progress
    outcome: Outcome | None


Part = TypeVar("Part", Order, Progress, Outcome)


def keep(part: Order | Progress | Outcome, folder: Path) -> None:
    """Into its file."""
    write_text(file_of(type(part), folder), json.dumps(asdict(part)) + "\n")


def kept(kind: type[Part], folder: Path) -> Part | None:
    """Out of its file; none where there is none, or it is damaged."""
    try:
        values = json.loads(file_of(kind, folder).read_text("utf-8"))
        if kind is Outcome:
            values["state"] = State(values["state"])
        if kind is Progress:
            values["running"] = tuple(values["running"])
        return kind(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def file_of(kind: type, folder: Path) -> Path:
    """`order.json`, `progress.json`, `outcome.json`."""
    return folder / f"{kind.__name__.lower()}.json"
