"""FAISS behind a few functions: make, train, add, search, merge, write and read an index of unit vectors.

Every index is by inner product and carries its own row numbers, so that parts can be merged, rows taken out,
and a search restricted to some rows, whatever the kind.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.retrieval.kinds import Kind

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Index = Any  # `faiss.Index`; its stubs know neither the selectors nor the numpy faces of the methods

VECTORS_PER_LIST = 40
"""Training vectors of each centroid; k-means wants 39."""
_ROUNDS = 10
_CODEC_SAMPLE = 65_536
_SIGMAS = 4.0  # a byte covers the mean and four deviations: finer steps than from least to greatest
_BLOCK = 50_000
_LOOP_LIMIT = 1 << 20  # lists, and other repeated parts, that a file may claim


@dataclass(frozen=True, slots=True)
class Found:
    """Rows and scores of a batch of queries, best first; a row of -1 stands for none.

    Attributes:
        rows: `(q, k) int64`.
        scores: `(q, k) float32`.
    """

    rows: Rows
    scores: Vectors


def trained(kind: Kind, sample: Vectors, *, lists: int, seed: int = 0) -> Index:
    """An empty index whose centroids and code are learnt from `sample`: `(n, d) float32`."""
    faiss = _faiss()

    dimension = sample.shape[1]
    if kind is Kind.FLAT:
        return _owning(faiss.IndexIDMap(flat := faiss.IndexFlatIP(dimension)), flat)
    centroids = faiss.IndexFlatIP(dimension)
    clustering = faiss.Clustering(dimension, lists)
    clustering.niter, clustering.seed, clustering.spherical = _ROUNDS, seed + 1, True
    clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, VECTORS_PER_LIST
    clustering.train(np.ascontiguousarray(sample), centroids)
    index: Any
    if kind is Kind.IVF_SQ8:
        byte = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(centroids, dimension, lists, byte, faiss.METRIC_INNER_PRODUCT)
        index.sq.rangestat, index.sq.rangestat_arg = faiss.ScalarQuantizer.RS_meanstd, _SIGMAS
    else:
        index = faiss.IndexIVFRaBitQ(centroids, dimension, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(np.ascontiguousarray(sample[:_CODEC_SAMPLE]))
    return _owning(index, centroids)


def _owning(index: Any, inner: Any) -> Any:
    """Keep the inner index alive as long as the outer one."""
    inner.this.disown()
    index.own_fields = True
    return index


def add(index: Index, vectors: Vectors, *, first_row: int) -> None:
    """Put in `(n, d) float32` as rows `first_row`, `first_row + 1`, ..., block by block."""
    for start in range(0, len(vectors), _BLOCK):
        block = np.ascontiguousarray(vectors[start : start + _BLOCK], dtype=np.float32)
        index.add_with_ids(block, np.arange(len(block), dtype=np.int64) + first_row + start)


def merged(parts: Sequence[Index], *, into: Index) -> Index:
    """`into` with all rows of the parts in their order; the parts are empty afterwards."""
    for part in parts:
        into.merge_from(part, 0)
    return into


def without(index: Index, rows: Rows) -> None:
    """Take rows out for good."""
    faiss = _faiss()

    index.remove_ids(faiss.IDSelectorBatch(rows))


def search(
    parts: Sequence[Index],
    queries: Vectors,
    *,
    limit: int,
    probes: int,
    allowed: NDArray[np.uint8] | None = None,
) -> Found:
    """The best rows of all parts, which share their centroids.

    Args:
        parts: Of one kind.
        queries: `(q, d) float32`.
        limit: Rows a query.
        probes: Lists to visit.
        allowed: One bit a row, least significant first: the rows that count; all without it.
    """
    faiss = _faiss()

    selector = None if allowed is None else faiss.IDSelectorBitmap(allowed)
    if isinstance(parts[0], faiss.IndexIVF):
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        with _threads_for(len(queries)):
            nearest = parts[0].quantizer.search(queries, min(probes, parts[0].nlist))
            found = [_in_lists(part, queries, limit, nearest, selector) for part in parts]
    else:
        params = None if selector is None else faiss.SearchParameters(sel=selector)
        found = [part.search(queries, limit, params=params) for part in parts]
    return best([Found(rows, scores) for scores, rows in found], limit=limit)


@contextmanager
def _threads_for(queries: int) -> Iterator[None]:
    """One thread for one query: its lists are read in less time than it takes to wake and join others."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    if queries == 1:
        faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _in_lists(part: Any, queries: Vectors, limit: int, nearest: Any, selector: Any) -> Any:
    faiss = _faiss()

    scores, lists = nearest
    if isinstance(part, faiss.IndexIVFRaBitQ):
        params = faiss.IVFRaBitQSearchParameters(sel=selector, nprobe=lists.shape[1])
        params.qb = part.qb
    else:
        params = faiss.SearchParametersIVF(sel=selector, nprobe=lists.shape[1])
    found = np.empty((len(queries), limit), np.int64), np.empty((len(queries), limit), np.float32)
    lists, scores = np.ascontiguousarray(lists), np.ascontiguousarray(scores)
    pointers = [faiss.swig_ptr(each) for each in (lists, scores, found[1], found[0])]
    part.search_preassigned_c(  # the Python face of this method takes no selector
        len(queries), faiss.swig_ptr(queries), limit, *pointers, False, params
    )
    return found[1], found[0]


def best(found: Sequence[Found], *, limit: int) -> Found:
    """The best of several answers to the same queries; equal scores by row."""
    if len(found) == 1:
        return found[0]
    rows = np.concatenate([each.rows for each in found], axis=1)
    scores = np.concatenate([each.scores for each in found], axis=1)
    scores = np.where(rows < 0, -np.inf, scores).astype(np.float32)
    order = np.lexsort((rows, -scores), axis=1)[:, :limit]
    return Found(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))


def stored(parts: Sequence[Index], rows: Rows) -> Vectors:
    """The vectors of rows in lists as their codes say: `(n, d) float32`."""
    faiss = _faiss()

    vectors = np.empty((len(rows), parts[0].d), dtype=np.float32)
    for part in parts:
        if part.direct_map.type != faiss.DirectMap.Hashtable:
            part.set_direct_map_type(faiss.DirectMap.Hashtable)
        here = np.flatnonzero(np.isin(rows, _rows_of(part)))
        if len(here):
            vectors[here] = part.reconstruct_batch(np.ascontiguousarray(rows[here]))
    return vectors


def _rows_of(part: Any) -> Rows:
    faiss = _faiss()

    lists = part.invlists
    sizes = [(number, lists.list_size(number)) for number in range(part.nlist)]
    blocks = [faiss.rev_swig_ptr(lists.get_ids(number), size).copy() for number, size in sizes if size]
    return np.concatenate([np.empty(0, np.int64), *blocks])


def exact(queries: Vectors, vectors: Vectors, *, first_row: int, limit: int) -> Found:
    """The best rows of `vectors`, `(n, d) float32`, by full comparison."""
    faiss = _faiss()

    found: list[Found] = []
    for start in range(0, len(vectors), _BLOCK):
        block = np.ascontiguousarray(vectors[start : start + _BLOCK], dtype=np.float32)
        scores, rows = faiss.knn(queries, block, min(limit, len(block)), faiss.METRIC_INNER_PRODUCT)
        found.append(Found(rows.astype(np.int64) + first_row + start, scores))
    return best(found, limit=limit)


def write(index: Index, path: Path) -> None:
    """Keep the index in one file."""
    faiss = _faiss()

    faiss.write_index(index, str(path))


def read(path: Path, *, mapped: bool = True) -> Index:
    """The index in a file whose checksum the caller has compared; mapped, or copied into memory.

    A FAISS file can corrupt memory when it is read, so sizes that it claims are limited as well.
    """
    faiss = _faiss()

    faiss.set_deserialization_vector_byte_limit(2 * path.stat().st_size + (1 << 20))
    faiss.set_deserialization_loop_limit(_LOOP_LIMIT)
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)


def _faiss() -> Any:
    """The library, loaded only where an index is used."""
    import faiss  # noqa: PLC0415

    return faiss
