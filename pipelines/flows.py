"""The Prefect flow of a run: one task a stage, each started when what it reads has been written."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prefect import Task, flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.client.schemas.objects import State

import models.torchvision_operators  # noqa: F401  # before timm and transformers
from knowledge.errors import NetworkError
from models.evaluation.report import AuditReport
from pipelines.artifact_keys import key_of
from pipelines.concealing import names_concealed
from pipelines.config import Config, load_config
from pipelines.config.keeping import keep_config
from pipelines.history.store import record_audit
from pipelines.progress import LogReporter, Reporter
from pipelines.refreshing.entering import complete_entering
from pipelines.report.summary import COLUMNS, headline, summary_table
from pipelines.run import Run, Stage
from pipelines.runners import Step, open_runner, run_steps
from pipelines.stages import NETWORK, STAGES, stage_named, upstream

_reporters: dict[str, Reporter] = {}  # by run directory: a reporter cannot pass through a task's parameters


@task(task_run_name="{name}", persist_result=False)
def run_stage(name: str, config: str, runs: str) -> bool:
    """Runs one stage if it is stale; whether it had to run."""
    with names_concealed():
        return open_run(Path(config), Path(runs)).execute(stage_named(name))


@task(task_run_name="{name} {part} of {parts}", persist_result=False)
def run_part(name: str, part: int, parts: int, config: str, runs: str) -> bool:
    """Does one part of a stage ahead of it; whether the stage is stale, so that there was work to do."""
    run, stage = open_run(Path(config), Path(runs)), stage_named(name)
    assert stage.part is not None, f"{name} has no parts"
    if run.is_fresh(stage):
        return False
    with names_concealed():
        stage.part(run, part, parts)
    return True


@flow(name="knobo", persist_result=False)
def knobo_flow(config: str, runs: str = "runs") -> bool:
    """All stages of the run that `config` (a TOML file) describes; whether any had to run."""
    run = open_run(Path(config), Path(runs))
    kept = run.path("config.toml")
    with run.locked(), open_runner(run.config.runner) as runner:
        complete_entering(run)
        keep_config(kept, run.config)  # what the tasks read, and nobody else writes while they do
        ran = run_steps(list(steps_of(run.config, {"config": str(kept), "runs": runs})), runner)
        record_audit(run)
    publish(run)
    return any(ran[stage.name] for stage in STAGES)


def steps_of(config: Config, place: Mapping[str, str]) -> Iterator[Step]:
    """The stages in order; the parts of a wide one come ahead of it."""
    for stage in STAGES:
        waits = tuple(before.name for before in upstream(stage))
        parts = shards if stage.part is not None and (shards := config.runner.shards(config.parts)) > 1 else 0
        ahead = [f"{stage.name} {part}" for part in range(parts)]
        for part, name in enumerate(ahead):
            given = {"name": stage.name, "part": part, "parts": parts, **place}
            yield Step(name, run_part, given, waits)
        yield Step(stage.name, task_for(stage), {"name": stage.name, **place}, (*waits, *ahead))


def task_for(stage: Stage) -> Task[[str, str, str], bool]:
    """The task of a stage; one that asks the network is tried again, later each time."""
    if stage.name not in NETWORK:
        return run_stage
    return run_stage.with_options(
        retries=2,
        retry_delay_seconds=[60, 300],
        retry_jitter_factor=0.5,
        retry_condition_fn=failed_on_the_network,
    )


def failed_on_the_network(_task: Any, _run: Any, state: State[Any]) -> bool:
    """Whether trying again can help: a wrong query stays wrong."""
    try:
        state.result()
    except NetworkError:
        return True
    except Exception:  # noqa: BLE001 - whatever it was, another try gives the same
        return False
    return False


def open_run(config: Path, runs: Path) -> Run:
    """The run of a configuration, with the reporter that was given for it in this process."""
    loaded = load_config(config)
    directory = runs / loaded.name
    return Run(directory, loaded, _reporters.get(str(directory), LogReporter()))


def report_to(reporter: Reporter, directory: Path) -> None:
    """Where progress of a run goes when this process runs its flow."""
    _reporters[str(directory)] = reporter


def publish(run: Run) -> None:
    """Table and headline as Prefect artifacts; names and numbers only."""
    audit = AuditReport.load(run.path("audit.json"))
    name = run.config.name
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in summary_table(audit)]
    create_table_artifact(key=key_of(name, "audit"), table=rows, description=headline(audit))
    create_markdown_artifact(key=key_of(name, "report"), markdown=f"Report: `{run.path('report.html')}`")
