"""Progress of long work: bars on a terminal, a line now and then elsewhere."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.progress import Progress, TaskID

EVERY = 10.0  # seconds between two lines off a terminal

log = logging.getLogger("knobo")

Callback = Callable[[int, int], None]


class Reporter(Protocol):
    """Hears of stages and of the work within them."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Wraps a running stage."""
        ...

    def fresh(self, name: str) -> None:
        """A stage need not run."""
        ...

    def work(self, what: str, unit: str) -> Callback:
        """A callback (done, total) for one piece of work, e.g. `encode`, `images`."""
        ...


class SilentReporter:
    """Says nothing."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:  # noqa: ARG002 - the protocol's argument
        """Nothing."""
        yield

    def fresh(self, name: str) -> None:
        """Nothing."""

    def work(self, what: str, unit: str) -> Callback:  # noqa: ARG002 - the protocol's arguments
        """A callback that ignores."""
        return lambda _done, _total: None


class LogReporter:
    """A line when a stage starts and ends, and every ten seconds between."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Start and duration."""
        started = time.monotonic()
        log.info("%s: started", name)
        yield
        log.info("%s: done in %.1f s", name, time.monotonic() - started)

    def fresh(self, name: str) -> None:
        """One line."""
        log.info("%s: fresh", name)

    def work(self, what: str, unit: str) -> Callback:
        """Lines with rate and time left."""
        started = last = time.monotonic()
        first: int | None = None

        def tell(done: int, total: int) -> None:
            nonlocal started, last, first
            now = time.monotonic()
            if first is None:  # what came before the first image says nothing of the others
                first, started, last = done, now, now
            if now - last >= EVERY and done < total:
                last = now
                rate = max(done - first, 1) / (now - started)
                left = (total - done) / rate
                log.info("%s: %d of %d %s, %.1f/s, about %.0f s left", what, done, total, unit, rate, left)

        return tell


class BarReporter:
    """A bar for each piece of work, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A line above the bars when it ends."""
        started = time.monotonic()
        yield
        self._progress.console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - started:.1f} s[/]")

    def fresh(self, name: str) -> None:
        """One line."""
        self._progress.console.print(f"[dim]✓ {name} fresh[/]")

    def work(self, what: str, unit: str) -> Callback:
        """Moves one bar; it goes when the work is done."""
        task: TaskID | None = None
        first, started = 0, time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal task, first, started
            if task is None:
                first, started = done, time.monotonic()
                task = self._progress.add_task(what, total=total, unit=unit, rate="")
            passed = time.monotonic() - started
            rate = f"{(done - first) / passed:.1f}/s" if passed > 1 else ""
            self._progress.update(task, completed=done, total=total, rate=rate)
            if done >= total:
                self._progress.remove_task(task)
                task = None

        return tell
