"""Fetching the records of a run, some batches at a time, each stored before the next is asked for."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

from knowledge.sources.pubmed_api.client import EntrezClient
from knowledge.sources.pubmed_api.folder import Run
from knowledge.sources.pubmed_api.ledger import Spent


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one request and one file.

    Attributes:
        number: From 1.
        pmids: Ascending.
    """

    number: int
    pmids: tuple[str, ...]


def batches(pmids: Sequence[str], size: int) -> list[Batch]:
    """Consecutive batches: the same PMIDs give the same batches, so that an interrupted run goes on."""
    starts = range(0, len(pmids), size)
    return [Batch(number, tuple(pmids[start : start + size])) for number, start in enumerate(starts, start=1)]


def outstanding(run: Run, wanted: Sequence[Batch]) -> list[Batch]:
    """Batches whose file is absent or not as it was stored."""
    missing = []
    for batch in wanted:
        if run.is_stored(batch.number):
            continue
        if entry := run.adopt(batch.number, batch.pmids):
            run.ledger.add_batch(entry, Spent())
        else:
            missing.append(batch)
    return missing


def fetch_batches(
    client: EntrezClient,
    run: Run,
    wanted: Sequence[Batch],
    count: Callable[[], Spent],
    *,
    workers: int,
    stored: Callable[[Batch], None],
) -> None:
    """Fetch and store all; `stored` hears of each.

    Raises:
        NetworkError: One could not be fetched; all others that were under way are stored.
    """

    def fetch(batch: Batch) -> None:
        records = client.fetch(batch.pmids, doubtful=run.plan.again)
        entry = run.store(batch.number, records.content, records.missing(batch.pmids))
        run.ledger.add_batch(entry, count())
        stored(batch)

    with ThreadPoolExecutor(workers, thread_name_prefix="efetch") as pool:
        tasks = [pool.submit(fetch, batch) for batch in wanted]
        try:
            done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
        except BaseException:
            client.retries.stop()
            raise
        finally:
            for task in tasks:
                task.cancel()
        failed = next((task for task in tasks if task in done and task.exception()), None)
        if failed:
            client.retries.stop()
            failed.result()
