"""A run is a directory; a stage is stale when its settings, the artifacts it reads or its code changed."""

import fcntl
import json
import platform
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import IO

from models.files import write_text
from pipelines.config import Config
from pipelines.digests import content_digest, value_digest
from pipelines.directories import sweep
from pipelines.errors import PipelineError, RunBusyError
from pipelines.locks import lock_now
from pipelines.progress import Reporter, SilentReporter
from pipelines.section_values import section_value
from pipelines.storage_faults import storage_faults_told

SECONDS_TO_OPEN = 120.0
"""For a server to open a run, its encoder fetched."""
VERSIONS_OF = ("faiss-cpu", "numpy", "prefect", "scikit-learn", "tantivy", "timm", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run.

    Attributes:
        name: As the manifest and the flow show it.
        version: Raised by hand whenever the meaning of the stage's code changes.
        uses: Sections of the configuration that it depends on.
        reads: Artifacts, paths within the run directory.
        writes: Artifacts, paths within the run directory.
        work: Does it.
        after: Stages to wait for although nothing of theirs is read.
        may_read: Files that people may put into the run directory; absent, they count as such.
        part: Does one of several parts ahead of `work`, as a task of its own; called with the run, the number
            of the part from 0, and how many there are. What it makes lies by content where `work` finds it,
            in the cache or among the artifacts.
    """

    name: str
    version: int
    uses: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    work: Callable[["Run"], None]
    after: tuple[str, ...] = ()
    may_read: tuple[str, ...] = ()
    part: Callable[["Run", int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What the manifest keeps of a finished stage.

    Attributes:
        digest: Of configuration sections, artifacts read, and stage version.
        outputs: Digest by artifact written.
        seconds: It took.
        versions: Of the libraries.
        seed: Of the run.
        commit: Of the code; empty outside a checkout.
        inputs: Digest by artifact read, none for files that people may put there and did not; empty in a
            manifest of earlier days.
    """

    digest: str
    outputs: Mapping[str, str]
    seconds: float
    versions: Mapping[str, str]
    seed: int
    commit: str
    inputs: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory with its configuration.

    Attributes:
        directory: `runs/<name>`.
        config: What to do.
        reporter: Where progress goes.
    """

    directory: Path
    config: Config
    reporter: Reporter = field(default_factory=SilentReporter)

    def path(self, artifact: str) -> Path:
        """Where an artifact lies."""
        return self.directory / artifact

    def records(self) -> dict[str, StageRecord]:
        """Finished stages by name, from `manifest.json`."""
        try:
            values = json.loads(self.path("manifest.json").read_text("utf-8"))
            return {name: StageRecord(**record) for name, record in values["stages"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError) as error:
            raise PipelineError(
                f"{self.path('manifest.json')} is damaged ({error}); delete it, and the stages run again"
            ) from error

    def is_fresh(self, stage: Stage) -> bool:
        """Whether nothing that the stage rests on has changed since it ran, and its artifacts are intact."""
        record = self.records().get(stage.name)
        if record is None or any(not self.path(name).exists() for name in (*stage.reads, *stage.writes)):
            return False
        if record.digest != self.stage_digest(stage):
            return False
        return all(content_digest(self.path(name)) == record.outputs.get(name) for name in stage.writes)

    def stage_digest(self, stage: Stage, inputs: Mapping[str, str | None] | None = None) -> str:
        """Of configuration sections, artifacts read, and stage version.

        Args:
            stage: Which.
            inputs: Digest by artifact read; of those that lie there where none are given.
        """
        sections = {name: section_value(self.config, name) for name in stage.uses}
        artifacts = self.inputs_of(stage) if inputs is None else inputs
        return value_digest([stage.name, stage.version, sections, artifacts])

    def inputs_of(self, stage: Stage) -> dict[str, str | None]:
        """Digest by artifact that the stage reads."""
        found: dict[str, str | None] = {name: content_digest(self.path(name)) for name in stage.reads}
        for name in stage.may_read:
            found[name] = content_digest(self.path(name)) if self.path(name).exists() else None
        return found

    def execute(self, stage: Stage) -> bool:
        """Runs the stage if it is stale; whether it had to run."""
        if self.is_fresh(stage):
            self.reporter.fresh(stage.name)
            return False
        started = time.perf_counter()
        with storage_faults_told(self.directory), self.reporter.stage(stage.name):
            inputs = self.inputs_of(stage)
            digest = self.stage_digest(stage, inputs)
            stage.work(self)
        self._note(
            stage.name,
            StageRecord(
                digest=digest,
                outputs={name: content_digest(self.path(name)) for name in stage.writes},
                seconds=round(time.perf_counter() - started, 2),
                versions=library_versions(),
                seed=self.config.seed,
                commit=code_commit(),
                inputs=inputs,
            ),
        )
        return True

    def forget(self, stage: str) -> None:
        """Let a stage run again though nothing changed: what it asks of the network may have."""
        with self._writing():
            self._write({name: record for name, record in self.records().items() if name != stage})

    def take_over(self, records: Mapping[str, StageRecord]) -> None:
        """Note stages that ran elsewhere, once what they wrote lies here."""
        with self._writing():
            self._write(self.records() | dict(records))

    def _note(self, name: str, record: StageRecord) -> None:
        with self._writing():
            self._write(self.records() | {name: record})

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Keeps stages that end at once, in threads or processes, from losing each other's record."""
        with self.path(".manifest.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, records: Mapping[str, StageRecord]) -> None:
        stages = {name: asdict(records[name]) for name in sorted(records)}
        write_text(self.path("manifest.json"), json.dumps({"schema": 1, "stages": stages}, indent=1) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process out of the directory.

        Raises:
            RunBusyError: There is one.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.path(".lock").open("w") as file:
            if not locked_in_time(file):
                raise RunBusyError(
                    f"another process works on {self.directory}; wait for it, or give the run another name"
                )
            sweep(self.directory)
            yield


def locked_in_time(file: IO[str]) -> bool:
    """Whether a file is ours alone; servers that open the run share it for moments, and are waited for."""
    end = time.monotonic() + SECONDS_TO_OPEN
    while not lock_now(file, fcntl.LOCK_EX):
        if time.monotonic() > end or not lock_now(file, fcntl.LOCK_SH):  # nobody shares it, so somebody works
            return False
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(0.1)
    return True


def library_versions() -> dict[str, str]:
    """Of Python and of the libraries that decide numbers."""
    return {"python": platform.python_version()} | {name: version(name) for name in VERSIONS_OF}


def code_commit() -> str:
    """Commit of the checkout that the code runs from; empty elsewhere."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed
    except OSError:
        return ""
    return done.stdout.strip()
