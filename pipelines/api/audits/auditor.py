"""Starts audits, and goes on with those whose process was killed; the process outlives the server."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from uuid import uuid4

from pipelines.api.audits.ledger import BusyError, Ledger, now
from pipelines.api.audits.states import Audit, Outcome, State
from pipelines.api.metrics import Metrics
from pipelines.config import load_config
from pipelines.errors import PipelineError

STARTS = 3  # processes that an audit is given before it counts as failed
EVERY = 1.0  # seconds between two looks at the process
WORK = (sys.executable, "-P", "-m", "pipelines.api.audits.work")

log = logging.getLogger("knobo.api")


class Auditor:
    """One folder of configurations, one folder of runs.

    Args:
        configurations: Folder of the TOML files that may be asked for, by name alone.
        ledger: Where audits are kept.
        metrics: Where they are counted.
        work: Command of the process that does one.
    """

    def __init__(
        self, configurations: Path, ledger: Ledger, metrics: Metrics, *, work: Sequence[str] = WORK
    ) -> None:
        if not configurations.is_dir():
            raise PipelineError(f"there is no folder of configurations {configurations}; check --audits")
        self.configurations, self.ledger, self.metrics, self.work = configurations, ledger, metrics, work
        self.process: subprocess.Popen[bytes] | None = None
        self.watched = ""
        self.turn = Lock()

    def offered(self) -> dict[str, Path]:
        """Configurations by name. A name is looked up here and never made into a path."""
        return {file.stem: file for file in sorted(self.configurations.glob("*.toml")) if file.is_file()}

    def start(self, configuration: Path) -> Audit:
        """A new audit, at work.

        Raises:
            BusyError: Another one is not finished.
            PipelineError: The configuration cannot be used.
        """
        config = load_config(configuration)
        number = uuid4().hex
        with self.turn, self.ledger.locked(number) as lock:  # before another server can see it
            self.note_end()  # of the one before, which nobody watches from now on
            if self.ledger.unfinished() is not None:
                raise BusyError
            self.ledger.enter(number, configuration.stem, config.name)
            self.hand_over(self.known(number), lock)
            return self.known(number)

    def take_up(self, number: str) -> None:
        """An audit whose process was killed, unless another server has done so meanwhile.

        Raises:
            BusyError: It, or another one, is at work.
        """
        with self.ledger.locked(number) as lock:
            audit = self.known(number)
            if audit.outcome is None:
                self.hand_over(audit, lock)

    def hand_over(self, audit: Audit, lock: int) -> None:
        """To a process of its own, which holds the lock from its first moment."""
        configuration = self.configurations / f"{audit.order.configuration}.toml"
        folder = self.ledger.folder_of(audit.id)
        self.ledger.begin(audit)
        with (folder / "log.txt").open("ab") as output:
            self.watched = audit.id
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and files
                [*self.work, str(folder), str(configuration), str(self.ledger.runs)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
                start_new_session=True,  # what stops the server does not stop it
            )
        log.info("audit started", extra={"fields": {"audit": audit.id, "start": audit.order.starts + 1}})

    def known(self, number: str) -> Audit:
        """An audit that is there."""
        audit = self.ledger.audit(number)
        assert audit is not None, f"audit {number} has just been written"
        return audit

    def tend(self) -> None:
        """Notes what ended, and goes on with what was interrupted."""
        with self.turn:
            self.look()

    def look(self) -> None:
        """Once."""
        if self.process is not None and self.process.poll() is not None:
            self.process = None
        self.note_end()
        audit = self.ledger.unfinished()
        self.metrics.auditing.set(audit is not None)
        self.metrics.stages.set(audit.progress.stages_done if audit else 0)
        if audit is None:
            return
        self.watched = audit.id
        if audit.state is State.RUNNING:
            return
        if audit.order.starts >= STARTS:
            sentence = f"its process ended {STARTS} times before it was done; see its log on the server"
            self.ledger.end(audit.id, Outcome(State.FAILED, now(), sentence))
            return
        with suppress(BusyError):
            self.take_up(audit.id)

    def note_end(self) -> None:
        """In log and metrics, once."""
        audit = self.ledger.audit(self.watched) if self.watched else None
        if audit is not None and audit.outcome is not None:
            self.metrics.audits.labels(audit.state.value).inc()
            log.info("audit ended", extra={"fields": {"audit": audit.id, "outcome": audit.state.value}})
            self.watched = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks after the process as long as the server runs."""
        task = asyncio.create_task(self.look_after())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def look_after(self) -> None:
        """Until it is cancelled; what goes wrong once is tried again."""
        while True:
            try:
                await asyncio.to_thread(self.tend)
            except OSError as error:
                log.error("audits cannot be looked after", exc_info=error)  # noqa: TRY400 - the kind is in it
            await asyncio.sleep(EVERY)
