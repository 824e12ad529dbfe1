"""Steps that wait for each other, each submitted when those before it are done.

No task ever waits on a worker for another one, so that a cluster has as many busy processes as workers.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from prefect import Task
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, as_completed, wait
from prefect.settings import PREFECT_API_URL, temporary_settings

from pipelines.runners.opening import TaskRunners


@dataclass(frozen=True, slots=True)
class Step:
    """One task run.

    Attributes:
        name: Each once.
        task: What is run.
        parameters: Names and numbers alone; data lies in files that they name.
        waits: Names of the steps that come before.
    """

    name: str
    task: Task[Any, bool]
    parameters: Mapping[str, Any]
    waits: tuple[str, ...]


def run_steps(steps: Sequence[Step], runner: TaskRunners) -> dict[str, bool]:
    """Runs all steps; what each returned. After a failure nothing new begins, and what runs is waited for."""
    futures: dict[str, PrefectFuture[bool]] = {}
    results: dict[str, bool] = {}
    try:
        while len(results) < len(steps):
            for step in steps:
                if step.name not in futures and results.keys() >= set(step.waits):
                    futures[step.name] = submit(step, [futures[name] for name in step.waits], runner)
            running = {futures[name]: name for name in futures if name not in results}
            done = next(as_completed(list(running)))
            results[running[done]] = done.result()
    except Exception:
        wait([future for name, future in futures.items() if name not in results])
        raise
    return results


def submit(step: Step, before: Sequence[PrefectFuture[bool]], runner: TaskRunners) -> PrefectFuture[bool]:
    """Hands a step to the runner, which tells its workers where the Prefect server of this flow is."""
    context = FlowRunContext.get()
    url = context and context.client.api_url  # a temporary server has an address that no setting names
    with temporary_settings({PREFECT_API_URL: str(url)}) if url else nullcontext():
        future: PrefectFuture[bool] = runner.submit(step.task, dict(step.parameters), wait_for=before or None)
    return future
