import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.dense import DenseIndex, passage_vectors
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


def test_hits_are_those_of_a_brute_force_product(tmp_path: Path) -> None:
    passages, encoder = _passages(700), HashEncoder()
    queries = [f"query {i}" for i in range(20)]
    hits = DenseIndex.build(passages, encoder, tmp_path / "index").search(queries, limit=9)
    cosine = encoder.encode(queries) @ encoder.encode([f"{p.title}\n{p.text}" for p in passages]).T
    best = np.argsort(-cosine, axis=1)[:, :9]
    assert [[hit.passage_id for hit in of_query] for of_query in hits] == [
        [f"p{i}" for i in row] for row in best
    ]
    assert np.allclose(
        [[hit.score for hit in of_query] for of_query in hits], np.take_along_axis(cosine, best, 1), atol=1e-6
    )
    assert [hit.rank for hit in hits[0]] == list(range(1, 10))


def test_a_limit_above_the_number_of_passages_gives_all(tmp_path: Path) -> None:
    index = DenseIndex.build(_passages(3), HashEncoder(), tmp_path / "index")
    assert sorted(hit.passage_id for hit in index.search(["q"], limit=50)[0]) == ["p0", "p1", "p2"]
    assert index.search([], limit=5) == []


def test_an_index_opens_as_it_was_built(tmp_path: Path) -> None:
    built = DenseIndex.build(_passages(40), HashEncoder(), tmp_path / "index")
    opened = DenseIndex.open(tmp_path / "index", HashEncoder())
    assert opened.search(["q", "r"], limit=40) == built.search(["q", "r"], limit=40)
    assert len(opened) == 40


def test_what_the_cache_knows_is_not_encoded_again(tmp_path: Path) -> None:
    passages, cache = _passages(30), VectorCache(tmp_path / "vectors.sqlite")
    first = passage_vectors(passages[:20], HashEncoder(), cache=cache)
    encoder, calls = HashEncoder(), list[tuple[int, int]]()
    vectors = passage_vectors(
        passages, encoder, cache=cache, progress=lambda done, total: calls.append((done, total))
    )
    assert sorted(encoder.seen) == sorted(p.searchable for p in passages[20:])
    assert np.array_equal(vectors[:20], first)
    assert np.array_equal(vectors, HashEncoder().encode([p.searchable for p in passages]))
    assert calls == [(30, 30)]


def test_a_killed_build_goes_on_where_it_ended(tmp_path: Path) -> None:
    class Dying(HashEncoder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if self.seen:
                raise KeyboardInterrupt
            return super().encode(texts)

    passages, cache = _passages(600), VectorCache(tmp_path / "vectors.sqlite")
    with pytest.raises(KeyboardInterrupt):
        DenseIndex.build(passages, Dying(), tmp_path / "index", cache=cache)
    assert not (tmp_path / "index").exists()
    encoder = HashEncoder()
    DenseIndex.build(passages, encoder, tmp_path / "index", cache=cache)
    assert len(encoder.seen) == 600 - 256


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


@pytest.mark.parametrize("name", ["vectors.faiss", "ids.json"])
def test_a_changed_file_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    DenseIndex.build(_passages(10), HashEncoder(), tmp_path / "index")
    content = bytearray((tmp_path / "index" / name).read_bytes())
    content[-1] ^= 1
    (tmp_path / "index" / name).write_bytes(content)
    with pytest.raises(
        KnowledgeError, match=rf"damaged \(the checksum of {name} differs\): delete it and build it again"
    ):
        DenseIndex.open(tmp_path / "index", HashEncoder())
    (tmp_path / "index" / name).unlink()
    with pytest.raises(KnowledgeError, match="damaged"):
        DenseIndex.open(tmp_path / "index", HashEncoder())


def test_missing_indexes_other_encoders_and_no_passages_are_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="There is no dense index"):
        DenseIndex.open(tmp_path / "index", HashEncoder())
    with pytest.raises(KnowledgeError, match="no passages to index"):
        DenseIndex.build([], HashEncoder(), tmp_path / "index")
    DenseIndex.build(_passages(2), HashEncoder(), tmp_path / "index")
    with pytest.raises(KnowledgeError, match="built with another encoder"):
        DenseIndex.open(tmp_path / "index", HashEncoder("another"))
