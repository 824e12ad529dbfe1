"""How many scheduled runs may work at a time: limits that the server keeps, for all machines together."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

GPU = "knobo-gpu"
LEASE = 300.0  # seconds until the place of a killed run is free again


def set_gpus(count: int) -> None:
    """As many runs as the workers have GPUs; one where they have none, for a run uses all cores."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(GPU, count)


@contextmanager
def gpu() -> Iterator[None]:
    """Waits for a GPU and holds it; a run of a server without the limit waits for nothing."""
    with concurrency(GPU, occupy=1, lease_duration=LEASE, strict=False):
        yield
