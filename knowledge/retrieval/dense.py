"""Ranking passages by meaning: cosine of encoder vectors, searched exactly."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.directories import damaged, published, read_about, write_about
from knowledge.retrieval.encoder import PassageEncoder, encode_passages
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.vector_cache import VectorCache, text_digest

if TYPE_CHECKING:  # the engine loads only where an index is used
    import faiss

Progress = Callable[[int, int], None]

_KIND = "dense"
_VECTORS, _IDS = "vectors.faiss", "ids.json"
_SHARD = 256  # passages encoded between two writes to the cache: what a killed run loses


class DenseIndex:
    """A `Retriever` by inner product of unit vectors, exact (FAISS Flat): fit for some 200,000 passages."""

    def __init__(self, index: "faiss.Index", ids: Sequence[str], encoder: PassageEncoder) -> None:
        self._index = index
        self._ids = tuple(ids)
        self._encoder = encoder

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        encoder: PassageEncoder,
        directory: Path,
        *,
        cache: VectorCache | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Encode the passages and keep the index in `directory`, in place of one that is there.

        Vectors in the cache are taken from there; new ones go in as they are made, so that a killed build
        goes on where it ended.

        Raises:
            KnowledgeError: There are no passages, or the directory holds something else.
        """
        import faiss  # noqa: PLC0415

        if not passages:
            raise KnowledgeError(
                f"There are no passages to index in {directory}: check the literature sources."
            )
        index = faiss.IndexFlatIP(encoder.dimension)
        index.add(passage_vectors(passages, encoder, cache=cache, progress=progress))
        with published(directory) as draft:
            content = faiss.serialize_index(index).tobytes()
            (draft / _VECTORS).write_bytes(content)
            (draft / _IDS).write_text(json.dumps([passage.id for passage in passages]), encoding="utf-8")
            write_about(
                draft,
                {
                    "kind": _KIND,
                    "passages": len(passages),
                    "dimension": encoder.dimension,
                    "encoder": encoder.digest,
                    _VECTORS: hashlib.sha256(content).hexdigest(),
                    _IDS: hashlib.sha256((draft / _IDS).read_bytes()).hexdigest(),
                },
            )
        return cls.open(directory, encoder)

    @classmethod
    def open(cls, directory: Path, encoder: PassageEncoder) -> Self:
        """The index that `build` left in `directory`.

        A FAISS file can corrupt memory when it is read, so the checksum comes first.

        Raises:
            KnowledgeError: There is none, it is damaged, or it was built with another encoder.
        """
        import faiss  # noqa: PLC0415

        about = read_about(directory, _KIND)
        if about["encoder"] != encoder.digest:
            raise KnowledgeError(
                f"The dense index in {directory} was built with another encoder: build it again."
            )
        content = _verified(directory, _VECTORS, about[_VECTORS])
        ids = json.loads(_verified(directory, _IDS, about[_IDS]))
        return cls(faiss.deserialize_index(np.frombuffer(content, dtype=np.uint8)), ids, encoder)

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query, all queries in one pass over the vectors."""
        if not queries:
            return []
        score, row = self._index.search(self._encoder.encode(queries), min(limit, len(self)))
        return [
            [
                Hit(self._ids[i], float(value), rank)
                for rank, (i, value) in enumerate(zip(*found, strict=True), start=1)
            ]
            for found in zip(row, score, strict=True)
        ]


def passage_vectors(
    passages: Sequence[Passage],
    encoder: PassageEncoder,
    *,
    cache: VectorCache | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Vectors of title and text: `(n, d) float32`, from the cache where it has them."""
    vectors = np.zeros((len(passages), encoder.dimension), dtype=np.float32)
    digests = [text_digest(passage.searchable) for passage in passages]
    known = {} if cache is None else cache.get(encoder.digest, digests)
    missing = [i for i, digest in enumerate(digests) if digest not in known]
    missing.sort(key=lambda i: len(passages[i].searchable))  # like lengths together: less padding
    for i, digest in enumerate(digests):
        if digest in known:
            vectors[i] = known[digest]
    for start in range(0, len(missing), _SHARD):
        some = missing[start : start + _SHARD]
        vectors[some] = encode_passages(encoder, [passages[i] for i in some])
        if cache is not None:
            cache.put(encoder.digest, {digests[i]: vectors[i] for i in some})
        if progress is not None:
            progress(len(passages) - len(missing) + start + len(some), len(passages))
    return vectors


def _verified(directory: Path, name: str, checksum: str | int) -> bytes:
    try:
        content = (directory / name).read_bytes()
    except OSError as error:
        raise damaged(directory, _KIND, error) from error
    if hashlib.sha256(content).hexdigest() != checksum:
        raise damaged(directory, _KIND, f"the checksum of {name} differs")
    return content
