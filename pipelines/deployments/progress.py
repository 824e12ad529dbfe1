"""How many stages of a run are done, as a progress artifact of the flow run that drives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.runtime import flow_run

EVERY = 10.0  # seconds between two looks


@contextmanager
def stage_progress(key: str) -> Iterator[None]:
    """Asks the server, so that it is right wherever the stages run; ends at 100 where the block ends well."""
    from pipelines.stages import STAGES  # noqa: PLC0415  # imports torch

    artifact = create_progress_artifact(0.0, key=key, description="Stages that are done")
    assert isinstance(artifact, UUID)  # a coroutine where a loop runs, and none does
    names, done = frozenset(stage.name for stage in STAGES), Event()
    watcher = Thread(target=_watch, args=(UUID(str(flow_run.id)), artifact, names, done), daemon=True)
    watcher.start()
    try:
        yield
        done.set()
        watcher.join()
        update_progress_artifact(artifact, 100.0)
    finally:
        done.set()


def _watch(parent: UUID, artifact: UUID, names: frozenset[str], done: Event) -> None:
    with get_client(sync_client=True) as client:
        while not done.wait(EVERY):
            share = 100.0 * len(finished_stages(client, parent) & names) / len(names)
            update_progress_artifact(artifact, round(share, 1))


def finished_stages(client: SyncPrefectClient, parent: UUID) -> frozenset[str]:
    """Names of task runs that ended well below a flow run's subflows."""
    runs = client.read_task_runs(
        flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent])),
        task_run_filter=TaskRunFilter(
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.COMPLETED]))
        ),
    )
    return frozenset(run.name for run in runs)
