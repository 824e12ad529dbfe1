"""Progress of a run as a small file, for whoever asks the server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock

from pipelines.api.audits.states import Progress, keep
from pipelines.progress import Callback, LogReporter

EVERY = 1.0  # seconds between two notes of the same work


class FileReporter:
    """Hears of stages, which may run at the same time, and of the work within them.

    Args:
        folder: Of the audit.
        stages: In all.
    """

    def __init__(self, folder: Path, *, stages: int) -> None:
        self._folder, self._lock, self._log = folder, Lock(), LogReporter()
        self._progress = Progress(stages=stages)
        self._noted = 0.0
        keep(self._progress, folder)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """While it runs, and that it is done."""
        with self._log.stage(name):
            with self._lock:
                self._note(replace(self._progress, running=(*self._progress.running, name)))
            try:
                yield
            except BaseException:
                self._leave(name, done=0)
                raise
            self._leave(name, done=1)

    def fresh(self, name: str) -> None:
        """Done without work."""
        self._log.fresh(name)
        with self._lock:
            self._note(replace(self._progress, stages_done=self._progress.stages_done + 1))

    def work(self, what: str, unit: str) -> Callback:
        """Units done, now and then."""
        log = self._log.work(what, unit)

        def tell(done: int, total: int) -> None:
            log(done, total)
            with self._lock:
                if time.monotonic() - self._noted >= EVERY:
                    self._note(replace(self._progress, work=what, done=done, total=total, unit=unit))

        return tell

    def _leave(self, name: str, *, done: int) -> None:
        with self._lock:
            running = tuple(each for each in self._progress.running if each != name)
            count = self._progress.stages_done + done
            self._note(Progress(count, self._progress.stages, running))

    def _note(self, progress: Progress) -> None:
        self._progress, self._noted = progress, time.monotonic()
        keep(progress, self._folder)
