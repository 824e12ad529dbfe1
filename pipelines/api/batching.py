"""Images of requests that come at the same time are encoded together."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Scores = NDArray[np.float32]
Encode = Callable[[Sequence[Pixels]], Scores]


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """An image, and where its scores are awaited."""

    pixels: Pixels
    scores: "asyncio.Future[Scores]"


class Batcher:
    """Encodes whatever waits; who comes meanwhile goes with the next batch.

    So nobody waits for company.

    Args:
        encode: From pixels to scores `(n, c)`.
        most: Images of a batch.
        observe: Told the size of each batch.
    """

    def __init__(self, encode: Encode, *, most: int, observe: Callable[[int], None]) -> None:
        self.encode, self.most, self.observe = encode, most, observe
        self.queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="encode")

    async def score(self, pixels: Pixels) -> Scores:
        """Concept probabilities `(c,)` of one image."""
        waiting = Waiting(pixels, asyncio.get_running_loop().create_future())
        await self.queue.put(waiting)
        return await waiting.scores

    async def run(self) -> None:
        """One batch after the other, until it is cancelled."""
        while True:
            batch = [await self.queue.get()]
            while len(batch) < self.most and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            await self.work([each for each in batch if not each.scores.done()])

    async def work(self, batch: Sequence[Waiting]) -> None:
        """One batch; a failure is that of its images alone, and the next batch is tried as ever."""
        if not batch:
            return
        self.observe(len(batch))
        pixels = [each.pixels for each in batch]
        try:
            scores = await asyncio.get_running_loop().run_in_executor(self.thread, self.encode, pixels)
        except Exception as error:  # noqa: BLE001  # whoever waits is told
            for each in batch:
                if not each.scores.done():
                    each.scores.set_exception(error)
            return
        for each, row in zip(batch, scores, strict=True):
            if not each.scores.done():
                each.scores.set_result(row)

    def close(self) -> None:
        """Ends the thread after what it is at."""
        self.thread.shutdown()
