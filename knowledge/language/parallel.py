"""Doing many things at once, a bounded number at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def concurrently(work: Callable[[Item], Result], items: Sequence[Item], *, workers: int) -> list[Result]:
    """`work` of every item, in order; with one worker in the caller's thread.

    After the first failure nothing more is begun, what runs is waited for (it may be paid already), and the
    failure is raised.
    """
    if workers == 1 or len(items) <= 1:
        return [work(item) for item in items]
    results: dict[int, Result] = {}
    running: dict[Future[Result], int] = {}
    failure: BaseException | None = None
    following = iter(enumerate(items))
    with ThreadPoolExecutor(min(workers, len(items))) as pool:
        while True:
            while failure is None and len(running) < workers and (pair := next(following, None)):
                running[pool.submit(work, pair[1])] = pair[0]
            if not running:
                break
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(done)
                if (error := done.exception()) is None:
                    results[number] = done.result()
                else:
                    failure = failure or error
    if failure is not None:
        raise failure
    return [results[number] for number in range(len(items))]
