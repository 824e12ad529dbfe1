"""Small grey copies of images, on which two pictures are laid over each other."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import ModelsError
from models.images import decode_grey_or_rgb, read_bytes

SIDE = 128  # pixels
READERS = 2

Thumbnail = NDArray[np.uint8]


class Thumbnails:
    """Thumbnails by image file; each is made once, and memory does not grow with their number.

    Args:
        store: A file, open for reading and writing, that takes 16 KB for each.
    """

    def __init__(self, store: BinaryIO) -> None:
        self._store = store
        self._places: dict[Path, int | None] = {}

    def of(self, paths: Iterable[Path]) -> dict[Path, Thumbnail]:
        """Thumbnails of some files; those that cannot be read are left out."""
        wanted = dict.fromkeys(paths)
        absent = [path for path in wanted if path not in self._places]
        with ThreadPoolExecutor(READERS, thread_name_prefix="thumbnail") as threads:
            for path, small in zip(absent, threads.map(thumbnail, absent), strict=True):
                self._places[path] = None if small is None else self._append(small)
        places = {path: self._places[path] for path in wanted}
        return {path: self._read(place) for path, place in places.items() if place is not None}

    def _append(self, small: Thumbnail) -> int:
        place = self._store.seek(0, SEEK_END)
        self._store.write(small.tobytes())
        return place

    def _read(self, place: int) -> Thumbnail:
        self._store.seek(place)
        return np.frombuffer(self._store.read(SIDE * SIDE), np.uint8).reshape(SIDE, SIDE)


def thumbnail(path: Path) -> Thumbnail | None:
    """The whole image as `(SIDE, SIDE) uint8`, its aspect ratio given up; None if it cannot be read."""
    try:
        image = decode_grey_or_rgb(read_bytes(path), name=str(path))
    except ModelsError:
        return None  # the stage that reads all images has said so
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
