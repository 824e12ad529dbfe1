"""How many scheduled runs may work at a time: limits that the server keeps, for all machines together."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.utilities.timeout import timeout

from pipelines.errors import PipelineError

GPU = "knobo-gpu"
LEASE = 300.0  # seconds until the place of a killed run is free again


def set_gpus(count: int) -> None:
    """As many runs as the workers have GPUs; one where they have none, for a run uses all cores."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(GPU, count)


@contextmanager
def gpu(*, at_most: float) -> Iterator[None]:
    """Waits for a GPU and holds it; a run of a server without the limit waits for nothing.

    Args:
        at_most: Seconds that the work may take once it has begun.

    Raises:
        PipelineError: It took longer.
    """
    with concurrency(GPU, occupy=1, lease_duration=LEASE, strict=False), ended_after(at_most):
        yield


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Ends the block.

    Raises:
        PipelineError: It took longer.
    """
    try:
        with timeout(seconds, timeout_exc_type=_OutOfTimeError):
            yield
    except _OutOfTimeError as error:
        raise PipelineError(
            f"it was ended after {seconds / 3600:g} h of work, the longest it may take; started again, it "
            "goes on where it stood"
        ) from error


class _OutOfTimeError(TimeoutError):
    """Ours, and no other's."""
