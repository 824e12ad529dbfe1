"""What several methods would train alike is trained once: found again by the content of what was given."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from hashlib import blake2b
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")


def once(capacity: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keeps the last `capacity` results of a function of arrays, dataclasses of them, and plain values.

    Results are shared: a caller must not change them.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        kept: OrderedDict[bytes, T] = OrderedDict()

        @wraps(function)
        def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
            key = digest((args, sorted(kwargs.items())))
            if key not in kept:
                kept[key] = function(*args, **kwargs)
                while len(kept) > capacity:
                    kept.popitem(last=False)
            kept.move_to_end(key)
            return kept[key]

        return remembered

    return decorate


def digest(value: object) -> bytes:
    """Equal for equal content: of arrays, of the fields of a dataclass, of the items of a sequence."""
    if isinstance(value, np.ndarray):
        head = f"{value.dtype} {value.shape} ".encode()
        return blake2b(np.ascontiguousarray(value).view(np.uint8).data, key=blake2b(head).digest()).digest()
    if is_dataclass(value) and not isinstance(value, type):
        value = [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, (list, tuple, range)):
        return blake2b(b"".join([b"[", *map(digest, value)])).digest()
    return blake2b(f"{type(value).__name__} {value!r}".encode()).digest()
