"""Starts a run from a configuration file, with progress on the terminal or in the log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from pipelines.config import load_config
from pipelines.config.keeping import keep_config
from pipelines.errors import RunBusyError
from pipelines.history.store import record_audit
from pipelines.progress import BarReporter, LogReporter, Reporter, SilentReporter
from pipelines.run import Run

log = logging.getLogger("knobo")


def launch(
    config: Path,
    runs: Path,
    *,
    quiet: bool = False,
    serial: bool = False,
    refresh: bool = False,
    reporter: Reporter | None = None,
) -> Path:
    """Runs what a configuration describes unless every stage is fresh; the run's directory.

    Args:
        config: TOML file.
        runs: Folder that holds the runs.
        quiet: No progress.
        serial: One stage after the other in this process, without Prefect.
        refresh: Ask the network sources for what is new.
        reporter: Where progress goes; to the terminal or the log where none is given.
    """
    loaded = load_config(config)
    directory = runs / loaded.name
    directory.mkdir(parents=True, exist_ok=True)
    prepare(Run(directory, loaded), refresh=refresh)
    with reporter_for(quiet=quiet) if reporter is None else nullcontext(reporter) as told:
        if all_fresh(Run(directory, loaded, told)):
            log.info("%s: every stage is fresh", loaded.name)
            note_audit(Run(directory, loaded))
            return directory
        if serial:
            run_serially(Run(directory, loaded, told))
            return directory
        import pipelines.prefect_environment  # noqa: F401, PLC0415  # before Prefect
        from pipelines.flows import knobo_flow, report_to  # noqa: PLC0415  # Prefect takes seconds to import

        report_to(told, directory)
        knobo_flow(str(config), str(runs))
    return directory


def prepare(run: Run, *, refresh: bool) -> None:
    """Completes the exchange of literature that a killed process had begun; the network is asked after it."""
    from pipelines.refreshing.entering import ENTERING, complete_entering  # noqa: PLC0415  # imports torch

    if refresh or run.path(ENTERING).is_file():
        with run.locked():
            complete_entering(run)
            if refresh:
                run.forget("fetch")


def run_serially(run: Run) -> None:
    """Every stage that is not fresh, in order."""
    from pipelines.stages import STAGES  # noqa: PLC0415  # imports torch

    with run.locked():
        keep_config(run.path("config.toml"), run.config)
        for stage in STAGES:
            run.execute(stage)
        record_audit(run)


def note_audit(run: Run) -> None:
    """Where a kill after the last stage kept the audit out of the history; who works on it does so, too."""
    with suppress(RunBusyError), run.locked():
        record_audit(run)


def all_fresh(run: Run) -> bool:
    """Whether nothing has to be done."""
    from pipelines.stages import STAGES  # noqa: PLC0415  # imports torch

    return all(run.is_fresh(stage) for stage in STAGES)


@contextmanager
def reporter_for(*, quiet: bool) -> Iterator[Reporter]:
    """Bars on a terminal, log lines elsewhere, nothing when quiet."""
    if quiet:
        yield SilentReporter()
    elif not sys.stderr.isatty():
        yield LogReporter()
    else:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield BarReporter(progress)
