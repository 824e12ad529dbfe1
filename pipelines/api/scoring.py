"""From an upload to its concept scores, in the way in which its encoder is fastest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.encoders.workers import one_core_each
from pipelines.api.batching import Batcher, Encode, Pixels, Scores

if TYPE_CHECKING:
    from collections.abc import Iterator

Prepare = Callable[[], Pixels]
"""Decodes an upload and cuts it to what the encoder takes; called in a thread."""


class Scorer(Protocol):
    """Images of many requests at a time."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Scores within; on leaving, what is in work is finished."""
        ...

    async def score(self, prepare: Prepare) -> Scores:
        """Concept probabilities `(c,)` of one image."""
        ...


class CoreEach:
    """On a CPU: an image stays on one core from its bytes to its scores, and the others have their own.

    A batch would gain nothing there, and each handing over from thread to thread costs.

    Args:
        encode: From pixels to scores `(n, c)`.
        cores: Images in work at a time.
        observe: Told the size of each batch, 1.
    """

    def __init__(self, encode: Encode, *, cores: int, observe: Callable[[int], None]) -> None:
        self.encode, self.cores, self.observe = encode, cores, observe

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As said above."""
        with one_core_each(self.cores) as self.threads:
            yield

    async def score(self, prepare: Prepare) -> Scores:
        """As said above."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self.work, prepare)

    def work(self, prepare: Prepare) -> Scores:
        """In its thread."""
        pixels = prepare()
        self.observe(1)
        return np.asarray(self.encode([pixels])[0])


class InBatches:
    """On a GPU: decoded in threads, and encoded together with what else waits.

    Args:
        encode: From pixels to scores `(n, c)`.
        readers: Threads that decode.
        most: Images of a batch.
        observe: Told the size of each batch.
    """

    def __init__(
        self, encode: Encode, *, readers: ThreadPoolExecutor, most: int, observe: Callable[[int], None]
    ) -> None:
        self.readers, self.batcher = readers, Batcher(encode, most=most, observe=observe)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As said above."""
        with working(self.batcher):
            yield

    async def score(self, prepare: Prepare) -> Scores:
        """As said above."""
        pixels = await asyncio.get_running_loop().run_in_executor(self.readers, prepare)
        return await self.batcher.score(pixels)


@contextmanager
def working(batcher: Batcher) -> "Iterator[None]":
    """A batcher within the event loop that runs."""
    work = asyncio.create_task(batcher.run())
    try:
        yield
    finally:
        work.cancel()
        batcher.close()
