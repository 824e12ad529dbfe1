"""Feature tables, the store that keeps every vector ever computed, and the extraction that fills it."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.encoders import Encoder
from models.errors import ModelsError
from models.feature_store import FeatureStore, VectorFile
from models.feature_table import FeatureTable
from models.images import ImageRecord, image_digest, open_image, require_unique_ids

__all__ = ["FeatureStore", "FeatureTable", "VectorFile", "extract"]

T = TypeVar("T")
Outcome = tuple[ImageRecord, T | None, ModelsError | None]
Vectors = dict[str, NDArray[np.float32]]

PIXELS_AT_ONCE = 100_000_000  # of the decoded images of a batch: 300 MB
NAMED = 3  # broken images in a message

log = logging.getLogger(__name__)


def extract(
    records: Sequence[ImageRecord],
    encoder: Encoder,
    store: FeatureStore,
    *,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
    on_broken: Literal["stop", "skip"] = "stop",
) -> FeatureTable:
    """One vector for each record; only contents that the store lacks are encoded, each once.

    Every batch is stored before the next one is encoded, so a killed run goes on where it stood.

    Args:
        records: Images, each id once.
        encoder: The network.
        store: Where vectors are kept.
        batch: Most images encoded together.
        progress: Called with (distinct images done, distinct images).
        on_broken: `stop` raises after all other images are stored; `skip` leaves the broken ones out.

    Raises:
        ModelsError: Missing or damaged images under `stop`, no readable image at all, an id given twice.
    """
    require_unique_ids(records)
    file = store.vectors(encoder.digest, dimension=encoder.dimension)
    faults: list[str] = []
    with ThreadPoolExecutor(cpu_count(), thread_name_prefix="read") as threads:
        digests = {
            record.id: digest for record, digest in sound(in_threads(threads, digest_of, records), faults)
        }
        first = {digests[record.id]: record for record in reversed(records) if record.id in digests}
        have = file.read(first)
        new = {digest: record for digest, record in reversed(first.items()) if digest not in have}
        report(progress, len(have), len(first))
        images = sound(in_threads(threads, image_of, list(new.values())), faults)
        for group in batches(images, batch):
            images_ready = threads.map(encoder.prepare, [image for _, image in group])
            values = encoder.encode(np.stack(list(images_ready)))
            names = [digests[record.id] for record, _ in group]
            file.append(names, values)
            have.update(zip(names, values, strict=True))
            report(progress, len(have), len(first))
    usable = [record.id for record in records if digests.get(record.id) in have]
    tell_broken(len(records), len(usable), faults, stop=on_broken == "stop" or not usable)
    return table_of(usable, digests, have, encoder.dimension)


def digest_of(record: ImageRecord) -> str:
    """Content of a record's image."""
    return image_digest(record.path)


def image_of(record: ImageRecord) -> Image.Image:
    """Pixels of a record's image."""
    return open_image(record.path)


def in_threads(
    threads: ThreadPoolExecutor, function: Callable[[ImageRecord], T], records: Sequence[ImageRecord]
) -> Iterator[Outcome[T]]:
    """Results in order, or the error in place of one; a few are worked on ahead of the reader, never all."""
    ahead: deque[Future[Outcome[T]]] = deque()
    for record in records:
        ahead.append(threads.submit(attempt, function, record))
        if len(ahead) > 4 * (cpu_count() or 1):
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def attempt(function: Callable[[ImageRecord], T], record: ImageRecord) -> Outcome[T]:
    """What comes of one record."""
    try:
        return record, function(record), None
    except ModelsError as error:
        return record, None, error


def sound(outcomes: Iterable[Outcome[T]], faults: list[str]) -> Iterator[tuple[ImageRecord, T]]:
    """Outcomes without those that failed, whose messages are noted."""
    for record, result, error in outcomes:
        if error is not None:
            faults.append(str(error))
        elif result is not None:
            yield record, result


def batches(
    images: Iterable[tuple[ImageRecord, Image.Image]], size: int
) -> Iterator[list[tuple[ImageRecord, Image.Image]]]:
    """Groups of at most `size` images, fewer where they are large."""
    group: list[tuple[ImageRecord, Image.Image]] = []
    pixels = 0
    for record, image in images:
        group.append((record, image))
        pixels += image.width * image.height
        if len(group) == size or pixels >= PIXELS_AT_ONCE:
            yield group
            group, pixels = [], 0
    if group:
        yield group


def report(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    """Tell how far it is."""
    if progress is not None:
        progress(done, total)


def tell_broken(total: int, usable: int, faults: Sequence[str], *, stop: bool) -> None:
    """Name the first faults and how many images are lost, as an error or in the log."""
    if usable == total and usable:
        return
    message = (
        f"{total - usable} of {total} images cannot be used: {'; '.join(faults[:NAMED]) or 'none was given'}"
    )
    if stop:
        raise ModelsError(message)
    log.warning(message)


def table_of(ids: Sequence[str], digests: Mapping[str, str], have: Vectors, dimension: int) -> FeatureTable:
    """The vectors as one table."""
    values = np.stack([have[digests[image]] for image in ids])
    return FeatureTable(tuple(ids), tuple(str(number) for number in range(dimension)), values)
