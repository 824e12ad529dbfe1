"""From an upload to concept scores or maps, bounded in number and time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from fastapi import HTTPException
from numpy.typing import NDArray
from PIL import Image

from pipelines.api.batching import Batcher, Scores
from pipelines.api.mapping import picture
from pipelines.api.metrics import Metrics
from pipelines.api.scoring import CoreEach, InBatches, Scorer, working
from pipelines.api.served import ServedRun
from pipelines.api.settings import Limits
from pipelines.api.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Iterator

Receive = Callable[[], AsyncIterator[bytes]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Where in an image concepts are seen.

    Attributes:
        picture: JPEG of the image as it was read.
        maps: `(c, h, w)`, of the concepts in the order of the run.
    """

    picture: bytes
    maps: NDArray[np.float32]


class Predictor:
    """The way of an image through the server.

    Args:
        served: The run.
        limits: Of a request.
        metrics: Where batches are counted.
    """

    def __init__(self, served: ServedRun, limits: Limits, metrics: Metrics) -> None:
        self.served, self.limits, self.metrics = served, limits, metrics
        cores = torch.get_num_threads()
        self.readers = ThreadPoolExecutor(cores, thread_name_prefix="decode")
        self.scorer = scorer_of(served, self.readers, cores, metrics)
        self.mapping = Batcher(served.maps, most=cores, observe=metrics.batches.observe)
        self.uploads = Uploads(limits.uploads_bytes, metrics.held.set)
        self.inside = 0
        self.ready = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ready after one image went through; on leaving, what is in work is finished."""
        with self.readers, working(self.mapping):
            async with self.scorer.running():
                await self.scorer.score(partial(blank, self.served))
                self.ready = True
                try:
                    yield
                finally:
                    self.ready = False

    async def scores(self, receive: Receive, *, media_type: str) -> Scores:
        """Concept probabilities `(c,)` of an uploaded file.

        Args:
            receive: The file, part by part; called once it has its place.
            media_type: As the client names it.

        Raises:
            ModelsError: It is no image, or cannot be used.
            HTTPException: Too many are waiting, or it takes too long.
        """
        async with self.placed(receive) as data:

            def prepare() -> NDArray[np.uint8]:
                return self.served.encoder.prepare(self.read(data, media_type))

            return await self.scorer.score(prepare)

    async def maps(self, receive: Receive, *, media_type: str) -> Seen:
        """Where in an uploaded file the concepts are seen.

        Args:
            receive: As for `scores`.
            media_type: As the client names it.

        Raises:
            ModelsError: It is no image, or cannot be used.
            HTTPException: Too many are waiting, or it takes too long.
        """

        def prepare(data: bytes) -> tuple[bytes, NDArray[np.uint8]]:
            image = self.read(data, media_type)
            return picture(image), self.served.encoder.prepare(image)

        async with self.placed(receive) as data:
            shown, pixels = await self.in_reader(prepare, data)
            return Seen(shown, await self.mapping.score(pixels))

    def read(self, data: bytes, media_type: str) -> Image.Image:
        """In a thread."""
        return self.served.read(data, media_type=media_type, pixels=self.limits.pixels)

    async def in_reader(self, work: Callable[[bytes], T], data: bytes) -> T:
        """What the threads that decode make of a file."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, work, data)

    @asynccontextmanager
    async def placed(self, receive: Receive) -> AsyncIterator[bytes]:
        """A file in one of the places; its answer is given up after a while."""
        with self.place():
            async with self.uploads.received(receive()) as data:
                try:
                    async with asyncio.timeout(self.limits.seconds_to_answer):
                        yield data
                except TimeoutError as error:
                    detail = "the image was not encoded in time; send it again later"
                    raise HTTPException(504, detail) from error

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


def scorer_of(served: ServedRun, readers: ThreadPoolExecutor, cores: int, metrics: Metrics) -> Scorer:
    """The way that suits the encoder."""
    most, observe = served.encoder.group, metrics.batches.observe
    if most is None:
        return CoreEach(served.scores, cores=cores, observe=observe)
    return InBatches(served.scores, readers=readers, most=most, observe=observe)


def blank(served: ServedRun) -> NDArray[np.uint8]:
    """A black image, which every encoder takes."""
    return served.encoder.prepare(Image.new("RGB", (256, 256)))
