"""What several methods would train alike is trained once: found again by the content of what was given."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import wraps
from hashlib import blake2b
from threading import Lock
from typing import Generic, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One result, or none while the thread that holds the lock computes it."""

    lock: Lock = field(default_factory=Lock)
    result: list[T] = field(default_factory=list)


def once(capacity: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keeps the last `capacity` results of a function of arrays, dataclasses of them, and plain values.

    Threads that ask for the same at once wait for the one that computes it.
    Results are shared: a caller must not change them.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        kept: OrderedDict[bytes, Entry[T]] = OrderedDict()
        guard = Lock()

        @wraps(function)
        def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
            key = digest((args, sorted(kwargs.items())))
            with guard:
                entry = kept.setdefault(key, Entry())
                kept.move_to_end(key)
                while len(kept) > capacity:
                    kept.popitem(last=False)
            with entry.lock:
                if not entry.result:
                    entry.result.append(function(*args, **kwargs))
                return entry.result[0]

        return remembered

    return decorate


def digest(value: object) -> bytes:
    """Equal for equal content: of arrays, of the fields of a dataclass, of the items of a sequence."""
    if isinstance(value, np.ndarray):
        head = f"{value.dtype} {value.shape} ".encode()
        return blake2b(np.ascontiguousarray(value).view(np.uint8).data, key=blake2b(head).digest()).digest()
    if is_dataclass(value) and not isinstance(value, type):
        value = [(each.name, getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, (list, tuple, range)):
        return blake2b(b"".join([b"[", *map(digest, value)])).digest()
    return blake2b(f"{type(value).__name__} {value!r}".encode()).digest()
