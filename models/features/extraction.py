"""The extraction that fills the feature store, and the tables it gives."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from models.cores import usable_cores
from models.encoders import Encoder
from models.encoders.workers import one_core_each
from models.features.encoding import Encoded, Item, encoded_by_core, encoded_together
from models.features.read_ahead import groups_in_threads, sound
from models.features.store import FeatureStore, VectorFile
from models.features.table import FeatureTable, write_table
from models.images import (
    ImageRecord,
    image_digest,
    require_unique_ids,
    tell_broken,
)


def extract(
    records: Sequence[ImageRecord],
    encoder: Encoder,
    store: FeatureStore,
    *,
    target: Path,
    digests: Mapping[str, str] | None = None,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
    on_broken: Literal["stop", "skip"] = "stop",
) -> FeatureTable:
    """One vector for each record, as a table that is written from the store block by block.

    Args:
        records: Images, each id once.
        encoder: The network.
        store: Where vectors are kept.
        target: Folder of the table, replaced where it exists.
        digests: As for `fill_store`.
        batch: Images encoded together, more where the encoder's `group` asks for them.
        progress: Called with (distinct images done, distinct images).
        on_broken: As for `fill_store`.

    Raises:
        ModelsError: As `fill_store`.
    """
    of_record = fill_store(
        records, encoder, store, digests=digests, batch=batch, progress=progress, on_broken=on_broken
    )
    file = store.vectors(encoder.digest, dimension=encoder.dimension)
    columns = [str(number) for number in range(encoder.dimension)]
    blocks = file.blocks(list(of_record.values()))
    return write_table(target, ids=list(of_record), columns=columns, blocks=blocks)


def fill_store(
    records: Sequence[ImageRecord],
    encoder: Encoder,
    store: FeatureStore,
    *,
    digests: Mapping[str, str] | None = None,
    batch: int = 64,
    progress: Callable[[int, int], None] | None = None,
    on_broken: Literal["stop", "skip"] = "stop",
) -> dict[str, str]:
    """Encodes the contents that the store lacks, each once; the digest of every usable image by record id.

    Groups begin with `batch` images and double up to what the encoder asks for: the first are safe soon, and
    a network that takes many at once gets them.

    Every batch is stored before the next but one is encoded, so a killed run goes on where it stood; several
    processes may fill one store with parts of the same records. Pixels are read and prepared ahead of the
    network, a few batches of them at most: memory grows with the number of images by their names alone.

    A changed file never gets an old vector. A vector is filed under the SHA-256 of the very bytes it was made
    of: they are read once, hashed and decoded, and an image whose bytes are not those of the digest it goes
    by (given, or taken a moment before) is refused. Where a digest is given and the store has its vector, the
    file is not opened: the vector is that of the content which the caller says the record has. Whoever gives
    digests must therefore take them anew when a file changes; a run does so whenever the name, size or time
    of a file is another one.

    Args:
        records: Images, each id once.
        encoder: The network.
        store: Where vectors are kept.
        digests: SHA-256 of files by record id, where known; the others are read.
        batch: Images encoded together, more where the encoder's `group` asks for them.
        progress: Called with (distinct images done, distinct images).
        on_broken: `stop` raises after all other images are stored; `skip` leaves the broken ones out.

    Raises:
        ModelsError: Missing, damaged or changed images under `stop`, no readable image at all, an id
            given twice.
    """
    require_unique_ids(records)
    file = store.vectors(encoder.digest, dimension=encoder.dimension)
    faults: list[str] = []
    of_record = digests_of(records, digests or {}, faults)
    first = {of_record[record.id]: record for record in reversed(records) if record.id in of_record}
    missing = file.absent(list(first))
    items = [(digest, record) for digest, record in reversed(first.items()) if digest in missing]
    report(progress, len(first) - len(missing), len(first))
    for stored in encode_items(items, encoder, file, batch=batch, faults=faults):
        missing.difference_update(stored)
        report(progress, len(first) - len(missing), len(first))
    usable = first.keys() - missing
    found = {record.id: of_record[record.id] for record in records if of_record.get(record.id) in usable}
    tell_broken(faults, lost=len(records) - len(found), total=len(records), stop=on_broken == "stop")
    return found


def digests_of(records: Sequence[ImageRecord], known: Mapping[str, str], faults: list[str]) -> dict[str, str]:
    """SHA-256 by record id; files are read where it is not known, those that cannot be are noted."""
    unknown = [record for record in records if not known.get(record.id)]
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="hash") as threads:
        ahead = 2 * usable_cores()
        read = dict(sound(groups_in_threads(threads, digest_of, unknown, size=32, ahead=ahead), faults))
    return {record.id: known[record.id] for record in records if known.get(record.id)} | read


def digest_of(record: ImageRecord) -> tuple[str, str]:
    """Id and content of a record's image."""
    return record.id, image_digest(record.path)


def encode_items(
    items: Sequence[Item], encoder: Encoder, file: VectorFile, *, batch: int, faults: list[str]
) -> Iterator[list[str]]:
    """Reads, prepares, encodes and stores; the digests of each group once they are safe.

    A group is written while the next is encoded. What another process stored meanwhile is left alone.
    """
    if not items:  # threads are not even started in vain
        return
    encoded = encoded_by_core if encoder.group is None else encoded_together
    writing: deque[tuple[Encoded, Future[None]]] = deque()
    with one_core_each(usable_cores()) as threads, ThreadPoolExecutor(1, "store") as writer:
        for group in encoded(threads, encoder, file, items, batch=batch, faults=faults):
            writing.append((group, writer.submit(file.append, group.new, group.values)))
            if len(writing) > 1:
                yield finished(*writing.popleft())
        while writing:
            yield finished(*writing.popleft())


def finished(group: Encoded, stored: Future[None]) -> list[str]:
    """Digests of a group once it is written."""
    stored.result()
    return [*group.known, *group.new]


def report(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    """Tell how far it is."""
    if progress is not None:
        progress(done, total)
