"""The folder of all audits, and the lock by which one runs at a time, whoever started it.

A process that works on an audit holds the lock by an open file that it was given; the kernel lets go of it
when the process ends, however that comes about. So a server that starts anew can tell what still runs.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.api.audits.states import Audit, Order, Outcome, Progress, State, keep, kept
from pipelines.locks import lock_now

FOLDER = ".audits"  # no run can have this name
KEPT = 100
PATIENCE = 1.0  # seconds


class BusyError(Exception):
    """Another audit is not finished."""


class Ledger:
    """Audits of the runs in one folder.

    Args:
        runs: Folder that holds the runs.
    """

    def __init__(self, runs: Path) -> None:
        self.runs, self.folder = runs, runs / FOLDER
        self.lock = self.folder / "lock"

    def enter(self, number: str, configuration: str, run: str) -> None:
        """A new audit under an id of its own; old ones that are more than are kept go."""
        for each in self.audits()[KEPT - 1 :]:
            if each.outcome is not None:
                shutil.rmtree(self.folder_of(each.id), ignore_errors=True)
        keep(Order(configuration, run, now(), 0), self.folder_of(number))

    def audits(self) -> list[Audit]:
        """The newest first."""
        numbers = [file.parent.name for file in self.folder.glob("*/order.json")]
        running = self.at_work()  # once, and before any outcome is read, which is written with the lock held
        found = [audit for number in numbers if (audit := self.known(number, running)) is not None]
        return sorted(found, key=lambda each: (each.order.requested, each.id), reverse=True)

    def audit(self, number: str) -> Audit | None:
        """One of them."""
        return self.known(number, self.at_work())

    def known(self, number: str, running: str) -> Audit | None:
        """One of them, given which is at work."""
        folder = self.folder_of(number)
        order = kept(Order, folder)
        if order is None:
            return None
        outcome = kept(Outcome, folder)
        state = outcome.state if outcome else State.RUNNING if running == number else State.INTERRUPTED
        return Audit(number, state, order, kept(Progress, folder) or Progress(), outcome)

    def unfinished(self) -> Audit | None:
        """The one that runs, or that has to be taken up again."""
        return next((each for each in self.audits() if each.outcome is None), None)

    def begin(self, audit: Audit) -> None:
        """Counts one more process that is given it."""
        keep(replace(audit.order, starts=audit.order.starts + 1), self.folder_of(audit.id))

    def end(self, number: str, outcome: Outcome) -> None:
        """How it ended."""
        keep(outcome, self.folder_of(number))

    def folder_of(self, number: str) -> Path:
        """Where its files lie."""
        return self.folder / number

    def at_work(self) -> str:
        """Id of the audit whose process holds the lock; empty where none does.

        Whoever asks has a part in the lock for a moment, for which `locked` waits.
        """
        try:
            with self.lock.open("rb") as file:
                return "" if lock_now(file, fcntl.LOCK_SH) else self.lock.read_text("ascii")
        except FileNotFoundError:
            return ""

    @contextmanager
    def locked(self, number: str) -> Iterator[int]:
        """The open file to hand to a process, which holds the lock as long as it has it.

        Raises:
            BusyError: Another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take(descriptor)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, number.encode("ascii"), 0)
            yield descriptor
        finally:
            os.close(descriptor)


def take(descriptor: int) -> None:
    """The lock of an open file; those who only ask who has it let go of it at once, a process does not.

    Raises:
        BusyError: Another process has it.
    """
    end = time.monotonic() + PATIENCE
    while not lock_now(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > end:
            raise BusyError
        time.sleep(0.005)


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
