"""Small grey copies of images, on which two pictures are laid over each other."""

from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import ModelsError
from models.images import decode_grey_or_rgb, read_bytes

SIDE = 128  # pixels
READERS = 2
KEPT = 4096  # thumbnails, 64 MB

Thumbnail = NDArray[np.uint8]


class Thumbnails:
    """Thumbnails by file, the latest `KEPT` of them in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, Thumbnail | None] = OrderedDict()

    def of(self, paths: Iterable[Path]) -> dict[Path, Thumbnail]:
        """Thumbnails of some files; those that cannot be read are left out."""
        wanted = dict.fromkeys(paths)
        absent = [path for path in wanted if path not in self._kept]
        with ThreadPoolExecutor(READERS, thread_name_prefix="thumbnail") as threads:
            self._kept.update(zip(absent, threads.map(thumbnail, absent), strict=True))
        found = {path: small for path in wanted if (small := self._kept[path]) is not None}
        for path in wanted:
            self._kept.move_to_end(path)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found


def thumbnail(path: Path) -> Thumbnail | None:
    """The whole image as `(SIDE, SIDE) uint8`, its aspect ratio given up; None if it cannot be read."""
    try:
        image = decode_grey_or_rgb(read_bytes(path), name=str(path))
    except ModelsError:
        return None  # the stage that reads all images has said so
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
