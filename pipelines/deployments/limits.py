"""How many scheduled runs may work at a time: limits that the server keeps, for all machines together."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.states import Failed

GPU = "knobo-gpu"
LEASE = 300.0  # seconds until the place of a killed run is free again
PATIENCE = 60.0  # seconds in which the server is told of a run that is ended

log = logging.getLogger("knobo")


def set_gpus(count: int) -> None:
    """As many runs as the workers have GPUs; one where they have none, for a run uses all cores."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(GPU, count)


@contextmanager
def gpu(*, at_most: float) -> Iterator[None]:
    """Waits for a GPU and holds it; a run of a server without the limit waits for nothing.

    Args:
        at_most: Seconds that the work may take once it has begun; see `ended_after`.
    """
    with concurrency(GPU, occupy=1, lease_duration=LEASE, strict=False), ended_after(at_most):
        yield


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Ends this process, and calls its flow run failed, where the block takes longer.

    Nothing gentler would do: what hangs may hang in a thread that heeds no exception, and flow, runner and
    interpreter would wait for it. What is done by then is kept, as after any kill, and the place that the run
    held is free again after its lease.
    """
    flow = FlowRunContext.get()
    late = threading.Timer(
        seconds, copy_context().run, (end_process, seconds, flow and flow.flow_run and flow.flow_run.id)
    )
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()


def end_process(after: float, run: UUID | None) -> None:
    """Says why, in the state of the flow run, if the server answers in time."""
    given_up = threading.Timer(PATIENCE, os._exit, (1,))
    given_up.daemon = True
    given_up.start()
    sentence = (
        f"it was ended after {after / 3600:g} h of work, the longest it may take; started again, it goes on "
        "where it stood"
    )
    try:
        log.error("%s", sentence)
        if run is not None:
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run, Failed(name="TimedOut", message=sentence), force=True)
    finally:
        os._exit(1)
