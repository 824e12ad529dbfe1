"""The flow's tasks on a Dask cluster; what a lost worker had in hand, another does again."""

import os
from typing import Any

from prefect.task_runners import TaskRunner

from pipelines.config.runner import RunnerSection
from pipelines.errors import PipelineError
from pipelines.runners.worker import environment

INSTALL = "pip install 'knobo[dask]'"


def dask_runner(section: RunnerSection) -> TaskRunner[Any]:
    """A runner on the scheduler at the configured address, or on processes of this machine.

    Raises:
        PipelineError: prefect-dask is not installed.
    """
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "warning")  # of all processes started here
    try:
        from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415
    except ImportError as error:
        raise PipelineError(f'[runner] kind = "dask" needs prefect-dask: {INSTALL}') from error
    if section.address is not None:
        return DaskTaskRunner(address=section.address)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": section.workers,
            "threads_per_worker": 1,
            "processes": True,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
            "memory_limit": None,  # arrays of torch cannot be spilled; a paused worker would stay so
            "env": environment(section),
            "preload": "pipelines.runners.worker",
        }
    )
