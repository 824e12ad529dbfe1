import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.shards import AT_ONCE, cached_vectors
from knowledge.retrieval.store import IndexStore
from knowledge.retrieval.vector_cache import VectorCache, text_digest


class HashEncoder:
    """A random but fixed unit vector a text; counts the texts it was given."""

    def __init__(self, digest: str = "hash-encoder") -> None:
        self.digest = digest
        self.dimension = 24
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        rows = [
            np.random.default_rng(list(hashlib.sha256(t.encode()).digest())).normal(size=24) for t in texts
        ]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, 24)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _passages(count: int) -> list[Passage]:
    return [Passage(f"p{i}", f"Title {i}", f"Text {i} " * (1 + i % 7), "s", "CC0", "l") for i in range(count)]


def test_what_the_cache_knows_is_not_encoded_again(tmp_path: Path) -> None:
    passages, cache = _passages(30), VectorCache(tmp_path / "vectors.sqlite")
    first = cached_vectors(passages[:20], HashEncoder(), cache)
    encoder = HashEncoder()
    vectors = cached_vectors(passages, encoder, cache)
    assert sorted(encoder.seen) == sorted(p.searchable for p in passages[20:])
    assert np.array_equal(vectors[:20], first)
    assert np.array_equal(vectors, HashEncoder().encode([p.searchable for p in passages]))


def test_a_killed_build_goes_on_where_it_ended(tmp_path: Path) -> None:
    class Dying(HashEncoder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if self.seen:
                raise KeyboardInterrupt
            return super().encode(texts)

    passages, cache = _passages(600), tmp_path / "vectors.sqlite"
    store = IndexStore(tmp_path / "index")
    with pytest.raises(KeyboardInterrupt):
        store.build(passages, embedding=Embedding(Dying(), cache=cache))
    assert store.versions() == []
    encoder = HashEncoder()
    store.build(passages, embedding=Embedding(encoder, cache=cache))
    assert len(encoder.seen) == 600 - AT_ONCE


def test_the_cache_keeps_encoders_apart_and_takes_many(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "deep" / "vectors.sqlite")
    vectors = {text_digest(f"t{i}"): np.full(4, i, dtype=np.float32) for i in range(1200)}
    cache.put("one", vectors)
    assert cache.get("other", list(vectors)) == {}
    known = VectorCache(tmp_path / "deep" / "vectors.sqlite").get("one", [*vectors, "absent"])
    assert known.keys() == vectors.keys()
    assert all(np.array_equal(known[key], vectors[key]) for key in vectors)


def test_a_file_that_is_no_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "vectors.sqlite").write_text("not a database, but long enough to be looked at " * 30)
    with pytest.raises(KnowledgeError, match=r"vector cache .*vectors\.sqlite cannot be opened"):
        VectorCache(tmp_path / "vectors.sqlite")
