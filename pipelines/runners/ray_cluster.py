"""The flow's tasks on a Ray cluster; what a lost worker had in hand, another does again."""

import os
from typing import Any

from prefect.task_runners import TaskRunner

from pipelines.config.runner import RunnerSection
from pipelines.errors import PipelineError
from pipelines.runners.worker import environment

INSTALL = "pip install 'knobo[ray]'"
OBJECTS = 100 * 2**20
"""Bytes for what tasks return, which is one truth value each."""


def ray_runner(section: RunnerSection) -> TaskRunner[Any]:
    """A runner on the cluster at the configured address, or on processes of this machine.

    Raises:
        PipelineError: prefect-ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        from prefect_ray import RayTaskRunner  # noqa: PLC0415
    except ImportError as error:
        raise PipelineError(f'[runner] kind = "ray" needs prefect-ray: {INSTALL}') from error
    runner: TaskRunner[Any] = RayTaskRunner(address=section.address, init_kwargs=settings(section))
    return runner


def settings(section: RunnerSection) -> dict[str, Any]:
    """What `ray.init` is told: of a standing cluster, only what its processes import first."""
    hook = {"worker_process_setup_hook": "pipelines.runners.worker.prepare"}
    if section.address is not None:
        return {"runtime_env": hook}
    return {
        "num_cpus": section.workers,
        "include_dashboard": False,
        "object_store_memory": OBJECTS,
        "log_to_driver": False,
        "configure_logging": False,
        "runtime_env": hook | {"env_vars": environment(section)},
        "_node_ip_address": "127.0.0.1",
    }
