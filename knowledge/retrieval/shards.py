"""The wide parts of building a vector index, shard by shard: pure functions of small descriptors of files.

A task runner may map them over processes or machines that share the folder; the result is the same for any
number of shards, for a shard only says which rows go through one call.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from knowledge.passages import Passage
from knowledge.retrieval.encoder import PassageEncoder, encode_passages
from knowledge.retrieval.engine import Found, Vectors, add, best, exact, read, write
from knowledge.retrieval.new_array import new_array
from knowledge.retrieval.recall import DEPTH, Truth
from knowledge.retrieval.rows import segment_lines
from knowledge.retrieval.vector_cache import VectorCache, text_digest

AT_ONCE = 256  # passages encoded between two writes to the cache: what a killed run loses

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class MapShards(Protocol):
    """Applies a function to every shard and gives the results in their order, as they come.

    `map` does it in this process; `concurrent.futures.Executor.map` and task runners have the same shape.
    """

    def __call__(self, function: Callable[[Shard], Result], shards: Sequence[Shard], /) -> Iterable[Result]:
        """One result a shard, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class EmbedShard:
    """Passages `first` to `last` (left out) of a segment file; vectors go to `target`, `(n, d) float32`."""

    passages: Path
    first: int
    last: int
    target: Path


@dataclass(frozen=True, slots=True)
class AddShard:
    """Vectors that go, as rows from `first_row` on, into a copy of the trained index at `target`.

    Attributes:
        vectors: Files of `EmbedShard`, in the order of their rows.
        first_row: Row of the first vector.
        trained: The empty index.
        queries: File of held-out queries `(q, d) float32` that are compared with every vector.
        target: Index file of this shard.
        halves: File of the segment's vectors in half precision, already as long as the segment, or none.
        offset: Place of the first vector in that file.
    """

    vectors: tuple[Path, ...]
    first_row: int
    trained: Path
    queries: Path
    target: Path
    halves: Path | None
    offset: int


def embed(shard: EmbedShard, *, encoder: PassageEncoder, cache: Path | None = None) -> Path:
    """Encode the passages of one shard; what the cache knows is taken from there."""
    shape = (shard.last - shard.first, encoder.dimension)
    vectors = new_array(shard.target, np.float32, shape)
    kept = None if cache is None else VectorCache(cache)
    for first in range(shard.first, shard.last, AT_ONCE):
        last = min(first + AT_ONCE, shard.last)
        passages = list(segment_lines(shard.passages, first=first, last=last))
        made = encode_passages(encoder, passages) if kept is None else cached_vectors(passages, encoder, kept)
        vectors[first - shard.first : last - shard.first] = made
    vectors.flush()
    return shard.target


def cached_vectors(passages: Sequence[Passage], encoder: PassageEncoder, cache: VectorCache) -> Vectors:
    """Vectors `(n, d) float32`; what the cache does not know is encoded, and known from then on."""
    digests = [text_digest(passage.searchable) for passage in passages]
    known = cache.get(encoder.digest, digests)
    missing = [i for i, digest in enumerate(digests) if digest not in known]
    if missing:
        made = encode_passages(encoder, [passages[i] for i in missing])
        fresh = {digests[i]: made[n] for n, i in enumerate(missing)}
        cache.put(encoder.digest, fresh)
        known |= fresh
    return np.stack([known[digest] for digest in digests])


def add_vectors(shard: AddShard) -> Found:
    """Write the index of one shard; the exact neighbours that the held-out queries have in it."""
    index = read(shard.trained, mapped=False)
    halves = None if shard.halves is None else np.load(shard.halves, mmap_mode="r+", allow_pickle=False)
    queries = np.load(shard.queries, allow_pickle=False)
    done, found = 0, []
    for path in shard.vectors:
        vectors: Vectors = np.load(path, allow_pickle=False)
        add(index, vectors, first_row=shard.first_row + done)
        if len(queries):
            found.append(exact(queries, vectors, first_row=shard.first_row + done, limit=DEPTH + 1))
        if halves is not None:
            halves[shard.offset + done : shard.offset + done + len(vectors)] = vectors
        done += len(vectors)
    write(index, shard.target)
    return best(found, limit=DEPTH + 1) if found else Truth.of(queries, np.empty(0, np.int64)).neighbours
