"""The task runner that a configuration asks for; a cluster's package is imported only where it is named."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pipelines.config.runner import RunnerSection

TaskRunners = TaskRunner[Any]


def open_runner(section: RunnerSection) -> TaskRunners:
    """A task runner that is not started yet: use it in a `with` statement.

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
