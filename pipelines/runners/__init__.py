"""Where the tasks of the flow run: threads of this process, or processes of a Dask or Ray cluster."""

from pipelines.runners.opening import TaskRunners, open_runner
from pipelines.runners.steps import Step, run_steps

__all__ = ["Step", "TaskRunners", "open_runner", "run_steps"]
