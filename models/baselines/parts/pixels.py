"""Square pixels of image files, decoded in threads ahead of use and kept as far as memory goes."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.images import open_image

READERS = 2  # threads; decoding leaves Python's lock alone
AHEAD = 2  # mini-batches read while the network is at work


class Pixels:
    """The middle squares of image files, scaled to one side.

    Attributes:
        paths: `(n,)`.
        side: In pixels.
        kept: `(m, side, side, 3) uint8` of the first `m` images, `m` as `megabytes` allow.
        filled: `(m,)` which of them have been read.
    """

    def __init__(self, paths: Sequence[Path], *, side: int, megabytes: int) -> None:
        self.paths, self.side = tuple(paths), side
        room = min(len(self.paths), megabytes * 1_000_000 // (side * side * 3))
        self.kept = np.empty((room, side, side, 3), dtype=np.uint8)
        self.filled = np.zeros(room, dtype=np.bool_)

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.paths)

    def read(self, row: int) -> NDArray[np.uint8]:
        """`(side, side, 3)` of one image, from memory where it was read before."""
        if row >= len(self.kept):
            return self.decode(row)
        if not self.filled[row]:
            self.kept[row] = self.decode(row)
            self.filled[row] = True
        return np.asarray(self.kept[row])

    def decode(self, row: int) -> NDArray[np.uint8]:
        """`(side, side, 3)` of one image, from its file."""
        return np.asarray(fit_square(open_image(self.paths[row]), self.side))

    def batches(
        self, parts: Iterable[NDArray[np.int64]]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Rows `(b,)` of each part with their pixels `(b, side, side, 3)`; the next are read meanwhile."""
        waiting: deque[tuple[NDArray[np.int64], list[Future[NDArray[np.uint8]]]]] = deque()
        with ThreadPoolExecutor(READERS) as readers:
            for rows in parts:
                waiting.append((rows, [readers.submit(self.read, row) for row in rows.tolist()]))
                if len(waiting) > AHEAD:
                    yield collected(waiting.popleft())
            while waiting:
                yield collected(waiting.popleft())


def collected(
    part: tuple[NDArray[np.int64], list[Future[NDArray[np.uint8]]]],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Rows and pixels, when all of them are read."""
    rows, reads = part
    return rows, np.stack([each.result() for each in reads])


def fit_square(image: Image.Image, size: int) -> Image.Image:
    """The middle square, scaled to `size` pixels."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)
