"""From image files to vectors: each core some images by itself, or all cores ahead of one large batch."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.encoders import Encoder
from models.errors import ModelsError
from models.features.read_ahead import attempt, grouped, in_threads, sound
from models.features.vector_file import VectorFile, Vectors
from models.images import ImageRecord, bytes_digest, decode_grey_or_rgb, read_bytes

T = TypeVar("T")
Item = tuple[str, ImageRecord]  # the digest of an image, and one record that has it
Ready = tuple[str, NDArray[np.uint8]]  # the digest of an image, and its prepared pixels

BATCHES_AHEAD = 2
IMAGES_OF_A_CORE = 16  # prepared in a row: after a network nothing of a decoder is left in the core's cache


@dataclass(frozen=True, slots=True)
class Encoded:
    """A group of images with their vectors.

    Attributes:
        known: Digests of images whose vectors are already stored.
        new: Digests of the others, as far as they can be used.
        values: Vectors of `new`, `(n, d) float32`.
    """

    known: list[str]
    new: list[str]
    values: Vectors


@dataclass(frozen=True, slots=True)
class Part:
    """What one core made of some images.

    Attributes:
        digests: Of the images that can be used.
        values: Their vectors `(n, d) float32`; none where no image can be used.
        faults: What is wrong with the others.
    """

    digests: list[str]
    values: list[Vectors]
    faults: list[str]


def encoded_by_core(
    threads: ThreadPoolExecutor,
    encoder: Encoder,
    file: VectorFile,
    items: Sequence[Item],
    *,
    batch: int,
    faults: list[str],
) -> Iterator[Encoded]:
    """Groups of `batch` images; each thread takes some of them from file to vector.

    For an encoder that gains nothing from many images at once.
    """
    begun: deque[tuple[list[str], list[Future[Part]]]] = deque()
    for group in grouped(items, batch):
        known, lacking = split_known(file, group)
        parts = grouped(lacking, IMAGES_OF_A_CORE)
        begun.append((known, [threads.submit(encode_part, encoder, part) for part in parts]))
        if len(begun) >= BATCHES_AHEAD:
            yield gathered(*begun.popleft(), file=file, faults=faults)
    while begun:
        yield gathered(*begun.popleft(), file=file, faults=faults)


def encode_part(encoder: Encoder, items: Sequence[Item]) -> Part:
    """Some images from file to vector."""
    faults: list[str] = []
    ready = list(sound((attempt(partial(prepare, encoder), item) for item in items), faults))
    values = [encoder.encode(np.stack([pixels for _, pixels in ready]))] if ready else []
    return Part([digest for digest, _ in ready], values, faults)


def gathered(
    known: list[str], parts: Sequence[Future[Part]], *, file: VectorFile, faults: list[str]
) -> Encoded:
    """A group once its parts are done."""
    done = [part.result() for part in parts]
    faults.extend(fault for part in done for fault in part.faults)
    new = [digest for part in done for digest in part.digests]
    return Encoded(known, new, np.concatenate([file.nothing(), *(v for part in done for v in part.values)]))


def encoded_together(
    threads: ThreadPoolExecutor,
    encoder: Encoder,
    file: VectorFile,
    items: Sequence[Item],
    *,
    batch: int,
    faults: list[str],
) -> Iterator[Encoded]:
    """Groups that begin with `batch` images and double up to what the encoder asks for.

    The threads prepare the next images while the encoder has those before.
    """
    most = max(batch, encoder.group or 0)
    ahead = in_threads(threads, partial(prepare, encoder), items, ahead=BATCHES_AHEAD * most)
    for group in grouped(sound(ahead, faults), batch, most=most):
        known, lacking = split_known(file, group)
        values = encoder.encode(np.stack([pixels for _, pixels in lacking])) if lacking else file.nothing()
        yield Encoded(known, [digest for digest, _ in lacking], values)


def split_known(file: VectorFile, group: Sequence[tuple[str, T]]) -> tuple[list[str], list[tuple[str, T]]]:
    """Digests that are stored, and the entries of those that are not."""
    absent = file.absent([digest for digest, _ in group])
    known = [digest for digest, _ in group if digest not in absent]
    return known, [entry for entry in group if entry[0] in absent]


def prepare(encoder: Encoder, item: Item) -> Ready:
    """An image as the encoder takes it.

    Raises:
        ModelsError: Missing, damaged, or not the content that the digest names.
    """
    digest, record = item
    data = read_bytes(record.path)
    if bytes_digest(data) != digest:
        raise ModelsError(f"{record.path} changed after it was listed; run again")
    pixels = encoder.prepare(decode_grey_or_rgb(data, name=str(record.path)))
    return digest, np.ascontiguousarray(pixels)  # here, and not while the network waits for the batch
