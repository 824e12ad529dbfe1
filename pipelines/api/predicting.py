"""From an upload to concept scores: read in threads, encoded in batches, bounded in number and time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from os import cpu_count
from typing import TYPE_CHECKING

import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray

from pipelines.api.batching import Batcher, Scores
from pipelines.api.observing import Metrics
from pipelines.api.served import ServedRun
from pipelines.api.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCHES = 8  # a batch holds so many images for each core, where the encoder wants no more


class Predictor:
    """The way of an image through the server.

    Args:
        served: The run.
        limits: Of a request.
        metrics: Where batches are counted.
    """

    def __init__(self, served: ServedRun, limits: Limits, metrics: Metrics) -> None:
        self.served, self.limits, self.metrics = served, limits, metrics
        cores = cpu_count() or 1
        self.readers = ThreadPoolExecutor(cores, thread_name_prefix="decode")
        self.batcher = Batcher(
            served.scores, most=served.encoder.group or BATCHES * cores, observe=metrics.batches.observe
        )
        self.inside = 0
        self.ready = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ready after one image went through; on leaving, what is in work is finished."""
        work = asyncio.create_task(self.batcher.run())
        try:
            await self.batcher.score(blank(self.served))
            self.ready = True
            yield
        finally:
            self.ready = False
            work.cancel()
            self.batcher.close()
            self.readers.shutdown()

    async def scores(self, receive: Callable[[], Awaitable[bytes]], *, media_type: str) -> Scores:
        """Concept probabilities `(c,)` of an uploaded file.

        Args:
            receive: The file; called once it has its place, so that places bound the memory of uploads.
            media_type: As the client names it.

        Raises:
            ModelsError: It is no image, or cannot be used.
            HTTPException: Too many are waiting, or it takes too long.
        """
        with self.place():
            data = await receive()
            try:
                async with asyncio.timeout(self.limits.seconds_to_answer):
                    pixels = await asyncio.get_running_loop().run_in_executor(
                        self.readers, self.prepare, data, media_type
                    )
                    return await self.batcher.score(pixels)
            except TimeoutError as error:
                raise HTTPException(504, "the image was not encoded in time; send it again later") from error

    def prepare(self, data: bytes, media_type: str) -> NDArray[np.uint8]:
        """In a thread."""
        return self.served.prepare(data, media_type=media_type, pixels=self.limits.pixels)

    @contextmanager
    def place(self) -> "Iterator[None]":
        """One of the places for images on their way or in work; nobody waits without an end."""
        if self.inside >= self.limits.waiting:
            raise HTTPException(
                503, "too many images are waiting; send it again in a second", {"Retry-After": "1"}
            )
        self.inside += 1
        self.metrics.waiting.set(self.inside)
        try:
            yield
        finally:
            self.inside -= 1
            self.metrics.waiting.set(self.inside)


def blank(served: ServedRun) -> NDArray[np.uint8]:
    """A black image, which every encoder takes."""
    from PIL import Image  # noqa: PLC0415

    return served.encoder.prepare(Image.new("RGB", (256, 256)))
