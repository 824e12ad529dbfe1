"""The index store at 1,000,000 passages: speed, size, recall, and adding while it is searched."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from figures import Figure, report
from index_material import (
    MadeEncoder,
    encoder,
    mixed_passages,
    mixed_vectors,
    real_passages,
    real_vectors,
    records,
)
from numpy.typing import NDArray

from knowledge.passages import Passage
from knowledge.retrieval.bm25 import Bm25
from knowledge.retrieval.dense_files import DenseFiles, Embedding
from knowledge.retrieval.engine import exact
from knowledge.retrieval.kinds import Kind, choose
from knowledge.retrieval.reader import StoreReader
from knowledge.retrieval.store import IndexStore
from knowledge.retrieval.vector_search import VectorSearch

COUNT = int(os.environ.get("KNOBO_BENCH_PASSAGES", "1_000_000"))
ADDED, QUERIES = COUNT // 100, 1_000
LIMIT = 10

Vectors = NDArray[np.float32]


def measure() -> dict[str, Figure]:
    """All figures of the index store."""
    real = real_passages()
    mixed_from = real_vectors(real, encoder())
    made = mixed_vectors(mixed_from, COUNT + ADDED + QUERIES)
    base, queries = made[:COUNT], made[COUNT + ADDED :]
    truth = exact(queries, base, first_row=0, limit=LIMIT).rows
    flat = median_seconds(lambda query: exact(query, base, first_row=0, limit=LIMIT), queries[:15])
    material = (
        f"{COUNT:,} vectors of {made.shape[1]} mixed from {len(mixed_from):,} real ones (see index_material)"
    )
    with tempfile.TemporaryDirectory(prefix="knobo-index-") as folder:
        home = Path(folder, "store")
        embedding = Embedding(MadeEncoder(made))
        figures, built = default_kind(
            home, real, embedding, queries=queries, truth=truth, flat=flat, material=material
        )
        figures |= lexical(Path(folder, "lexical"), real)
        figures |= hybrid(home, embedding, queries)
        figures |= adding(home, real, embedding, queries, built)
        figures |= small_kind(home, Path(folder, "small"), embedding, queries, truth)
    return figures


def default_kind(
    home: Path,
    real: Sequence[Passage],
    embedding: Embedding,
    *,
    queries: Vectors,
    truth: NDArray[np.int64],
    flat: float,
    material: str,
) -> tuple[dict[str, Figure], float]:
    """Build the store, then compare its vector index with the exact search."""
    times = [time.perf_counter()]
    timed = Embedding(embedding.encoder, progress=lambda _done, _total: times.append(time.perf_counter()))
    manifest = IndexStore(home).build(mixed_passages(real, COUNT), embedding=timed)
    whole, text = time.perf_counter() - times[0], times[1] - times[0]
    dense = manifest.dense
    assert dense is not None
    opened = DenseFiles(home / "versions/000001").open(manifest)
    single = median_seconds(lambda query: opened.search(query, LIMIT), queries[:500])
    size = manifest.files["dense/000001.faiss"].bytes
    how = f"{material}; {dense.kind}, {dense.lists} lists, {dense.probes} visited"
    return {
        "index.recall_at_10": Figure(
            recall(opened, queries, truth),
            "share of Flat's",
            f"{QUERIES} queries that are not indexed; {how}",
        ),
        "index.ratio_flat": Figure(
            flat / single,
            "ratio",
            f"one query: Flat {flat * 1e3:.0f} ms, here {single * 1e3:.2f} ms, same threads",
        ),
        "index.gb": Figure(size / 1e9, "GB", "the vector index, file and memory alike"),
        "index.build_s": Figure(
            whole - text, "s", "vectors read, trained, added, merged, recall curve, checksums; 2 cores"
        ),
        "index.store_build_s": Figure(whole, "s", "passages, words and vectors, until published"),
        "index.text_s": Figure(text, "s", "of these, for passages and words, made up as they are read"),
    }, whole


def lexical(folder: Path, real: Sequence[Passage]) -> dict[str, Figure]:
    """Speed of the lexical index by itself."""
    passages = list(mixed_passages(real, COUNT // 10))
    size = sum(len(passage.searchable) for passage in passages) / len(passages)
    started = time.perf_counter()
    Bm25.build(passages, folder)
    taken = time.perf_counter() - started
    how = f"{len(passages):,} passages of {size:.0f} characters, until committed; one indexing thread"
    return {"index.lexical_passages_per_s": Figure(len(passages) / taken, "passages/s", how)}


def hybrid(home: Path, embedding: Embedding, queries: Vectors) -> dict[str, Figure]:
    """Time of words, vectors and fusion for one query at a time."""
    reader = StoreReader(home, encoder=embedding.encoder)
    asked = questions()
    for i, question in enumerate(asked[:50]):
        reader.fused_rows(question, queries[i : i + 1], limit=LIMIT)
    taken = []
    for i, question in enumerate(asked):
        started = time.perf_counter()
        reader.fused_rows(question, queries[i : i + 1], limit=LIMIT)
        taken.append((time.perf_counter() - started) * 1e3)
    how = f"{len(asked)} queries one by one: PubMedQA questions and 'chest X-ray ... diagnosis criteria'"
    return {
        "index.hybrid_p95_ms": Figure(float(np.percentile(taken, 95)), "ms", how),
        "index.hybrid_median_ms": Figure(float(np.median(taken)), "ms", how),
    }


def adding(
    home: Path, real: Sequence[Passage], embedding: Embedding, queries: Vectors, built: float
) -> dict[str, Figure]:
    """Add one hundredth while another thread searches and takes the new version."""
    reader, done, seen, errors = StoreReader(home, encoder=embedding.encoder), threading.Event(), [0], [0]

    def keep_searching() -> None:
        asked = questions()
        while not done.is_set():
            try:
                reader.fused_rows(asked[seen[0] % len(asked)], queries[:1], limit=LIMIT)
                reader.refresh()
            except Exception as error:  # noqa: BLE001 - counted
                print(f"search failed: {error}")
                errors[0] += 1
            seen[0] += 1
            time.sleep(0.02)

    searcher = threading.Thread(target=keep_searching)
    searcher.start()
    started = time.perf_counter()
    change = IndexStore(home).add(mixed_passages(real, ADDED, first=COUNT), embedding=embedding)
    taken = time.perf_counter() - started
    time.sleep(1.0)  # the searcher takes the new version
    done.set()
    searcher.join()
    assert change.added == ADDED
    assert reader.manifest.version == change.manifest.version
    how = f"{ADDED:,} to {COUNT:,}: {taken:.1f} s of {built:.0f} s, both until published, while searched"
    return {
        "index.add_share": Figure(taken / built, "share of the build", how),
        "index.add_search_errors": Figure(errors[0], "errors", f"{seen[0]} searches during the update"),
    }


def small_kind(
    home: Path, folder: Path, embedding: Embedding, queries: Vectors, truth: NDArray[np.int64]
) -> dict[str, Figure]:
    """The one-bit kind over the same passages."""
    manifest = IndexStore(home).manifest()
    folder.mkdir()
    (folder / "passages").symlink_to(home / "versions/000001/passages")
    (folder / "work").mkdir()
    estimate = choose(vectors=COUNT, dimension=embedding.encoder.dimension, kind=Kind.SMALL)
    started = time.perf_counter()
    files = DenseFiles(folder)
    first = manifest.segments[:1]
    record = files.build(first[0], estimate, embedding, target=0.9, work=folder / "work")
    taken = time.perf_counter() - started
    opened = files.open_unchecked(record, first)
    single = median_seconds(lambda query: opened.search(query, LIMIT), queries[:300])
    size = (folder / "dense/000001.faiss").stat().st_size
    on_disk = (folder / "dense/000001.halves.npy").stat().st_size
    how = f"RaBitQ in {record.lists} lists, {record.probes} visited, best 100 re-ranked from disk"
    return {
        "index.small_bytes": Figure(
            size / COUNT, "bytes a vector in memory", f"and {on_disk / COUNT:.0f} on disk for re-ranking"
        ),
        "index.small_disk_bytes": Figure(
            (size + on_disk) / COUNT, "bytes a vector on disk", "codes and half vectors for re-ranking"
        ),
        "index.small_recall_at_10": Figure(recall(opened, queries, truth), "share of Flat's", how),
        "index.small_ms": Figure(single * 1e3, "ms", "one query, re-ranking included"),
        "index.small_build_s": Figure(taken, "s", "vectors alone, 2 cores"),
    }


def questions() -> list[str]:
    """Long and short queries as users ask them."""
    names = (
        "pleural effusion",
        "pneumothorax",
        "cardiomegaly",
        "lung nodule",
        "emphysema",
        "basal cell carcinoma",
    )
    templates = [f"chest X-ray {name} diagnosis criteria" for name in names] * 10
    return [str(record["title"]) for record in records()][:340] + templates


def recall(opened: VectorSearch, queries: Vectors, truth: NDArray[np.int64]) -> float:
    """Mean share of the exact ten best."""
    found = opened.search(queries, LIMIT).rows
    return float(
        np.mean([len({*a} & {*b}) / LIMIT for a, b in zip(found.tolist(), truth.tolist(), strict=True)])
    )


def median_seconds(search: Callable[[Vectors], object], queries: Vectors) -> float:
    """Of one query at a time, the first five left out."""
    taken = []
    for i in range(len(queries)):
        started = time.perf_counter()
        search(queries[i : i + 1])
        taken.append(time.perf_counter() - started)
    return float(np.median(taken[5:]))


if __name__ == "__main__":
    report(measure())
