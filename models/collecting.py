"""Work on hundreds of thousands of records without the collector of cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within it, or in a function that it decorates, no cycle is looked for.

    Records and lists of them hold no cycles, but the collector goes through all that there are again and
    again while more are made, which takes up to a quarter of the time for 380,000. What is no longer referred
    to is freed as ever.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
