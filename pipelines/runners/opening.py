"""The task runner that a configuration asks for; a cluster's package is imported only where it is named."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pipelines.config.runner import RunnerSection
from pipelines.errors import PipelineError

TaskRunners = TaskRunner[Any]
SERVES = {"dask": "scheduler", "ray": "cluster"}


@contextmanager
def open_runner(section: RunnerSection) -> Iterator[TaskRunners]:
    """A task runner whose processes are there; those that it started end with the block.

    Raises:
        PipelineError: The package of the cluster is not installed, its processes do not start here, or nobody
            answers at its address.
    """
    runner = make_runner(section)
    with ExitStack() as stack:
        try:
            stack.enter_context(runner)
            getattr(runner, "client", None)  # that of Dask connects when it is first asked for
        except Exception as error:
            raise PipelineError(not_there(section, error)) from error
        yield runner


def make_runner(section: RunnerSection) -> TaskRunners:
    """One that is not started yet.

    Raises:
        PipelineError: The package of the cluster is not installed.
    """
    if section.kind == "dask":
        from pipelines.runners.dask_cluster import dask_runner  # noqa: PLC0415

        return dask_runner(section)
    if section.kind == "ray":
        from pipelines.runners.ray_cluster import ray_runner  # noqa: PLC0415

        return ray_runner(section)
    return ThreadPoolTaskRunner(max_workers=section.workers)


def not_there(section: RunnerSection, error: Exception) -> str:
    """Why no task can run, in a sentence."""
    name = section.kind.capitalize()
    why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if section.address is None:
        return (
            f"the {section.workers} processes of {name} did not start here ({why}); try again when this "
            'machine has less to do, or set kind = "threads" in [runner]'
        )
    return (
        f"no {name} {SERVES[section.kind]} answers at {section.address} ({why}); start it, or correct "
        "address in [runner]"
    )
