"""Works on items in threads, a bounded number of them ahead of whoever reads the results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from models.errors import ModelsError

S = TypeVar("S")
T = TypeVar("T")


def in_threads(
    threads: ThreadPoolExecutor, function: Callable[[S], T], items: Iterable[S], *, ahead: int
) -> Iterator[T | ModelsError]:
    """Results in order, or the error in place of one; at most `ahead` items are begun early."""
    begun: deque[Future[T | ModelsError]] = deque()
    for item in items:
        begun.append(threads.submit(attempt, function, item))
        if len(begun) > ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def groups_in_threads(
    threads: ThreadPoolExecutor, function: Callable[[S], T], items: Iterable[S], *, size: int, ahead: int
) -> Iterator[T | ModelsError]:
    """The same for short work: a thread takes `size` items at once, and at most `ahead` groups are begun."""
    for outcomes in in_threads(threads, partial(attempt_each, function), grouped(items, size), ahead=ahead):
        if isinstance(outcomes, ModelsError):  # `attempt_each` keeps every error in its place
            raise outcomes
        yield from outcomes


def attempt_each(function: Callable[[S], T], items: Sequence[S]) -> list[T | ModelsError]:
    """What comes of each of some items."""
    return [attempt(function, item) for item in items]


def attempt(function: Callable[[S], T], item: S) -> T | ModelsError:
    """What comes of one item."""
    try:
        return function(item)
    except ModelsError as error:
        return error


def sound(outcomes: Iterable[T | ModelsError], faults: list[str]) -> Iterator[T]:
    """Outcomes without the errors, whose messages are noted."""
    for outcome in outcomes:
        if isinstance(outcome, ModelsError):
            faults.append(str(outcome))
        else:
            yield outcome


def grouped(items: Iterable[T], size: int, *, most: int = 0) -> Iterator[list[T]]:
    """Groups of `size` items, each twice the one before as far as `most` goes; the last of what is left."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group, size = [], max(size, min(2 * size, most))
    if group:
        yield group
