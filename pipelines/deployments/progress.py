"""How many stages of a run are done, as a progress artifact of the flow run that drives it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from uuid import UUID

from httpx import HTTPError
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    TaskRunFilter,
    TaskRunFilterName,
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

    artifact = create_progress_artifact(
        0.0, key=key, description="Share of the stages that are done, in percent"
    )
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
            with suppress(HTTPError):  # the server is away for a moment; the run goes on without it
                share = 100.0 * len(finished_stages(client, parent, names)) / len(names)
                update_progress_artifact(artifact, round(share, 1))


def finished_stages(client: SyncPrefectClient, parent: UUID, names: frozenset[str]) -> frozenset[str]:
    """Stages whose tasks ended well below a flow run's subflows."""
    runs = client.read_task_runs(
        flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[parent])),
        task_run_filter=TaskRunFilter(
            name=TaskRunFilterName(any_=sorted(names)),
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=[StateType.COMPLETED])),
        ),
        limit=200,  # of at most as many as there are stages; Prefect 3.8 refuses its own default
        offset=0,
    )
    return frozenset(run.name for run in runs)
