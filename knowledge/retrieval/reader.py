"""Searching one version of an index store by words and meaning; newer versions are taken on request."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError, UnknownNameError
from knowledge.passages import Passage
from knowledge.retrieval.bm25 import Bm25
from knowledge.retrieval.dense_files import DenseFiles, require_encoder
from knowledge.retrieval.encoder import PassageEncoder
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.fusion import CONSTANT, candidates, fuse
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.integrity import check_file, check_lengths, check_small, damaged
from knowledge.retrieval.manifest import Manifest
from knowledge.retrieval.reranking import Reranker, reranked
from knowledge.retrieval.rows import PassageRows, bits
from knowledge.retrieval.vector_search import VectorSearch
from knowledge.retrieval.versions import Versions

_CONDITIONS = 16  # sets of conditions whose rows are kept, one bit a row each
_LISTED = 20  # names that a message lists
_RERANKED = 50  # candidates that a cross-encoder reads


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """A version with its files open: they stay readable even when the version is removed.

    Attributes:
        manifest: What it holds.
        rows: Its passages.
        lexical: Ranking by words.
        dense: Ranking by vectors, or none.
        admitted: Rows that conditions leave, kept for the next query with the same ones.
    """

    manifest: Manifest
    rows: PassageRows
    lexical: Bm25
    dense: VectorSearch | None
    admitted: dict[Filter, NDArray[np.uint8]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, *, dense: bool) -> "OpenVersion":
        """Open the folder of a version; what FAISS reads and what is small is compared with its checksum.

        Larger tables are compared when they are first needed, a passage with its digest when it is read.

        Raises:
            KnowledgeError: It is damaged.
        """
        manifest = Manifest.load(folder)
        check_lengths(folder, manifest)
        check_small(folder, manifest)
        alive = np.load(check_file(folder, manifest, "alive.npy"), allow_pickle=False)
        try:
            lexical = Bm25(folder / "lexical")
        except (OSError, ValueError) as error:
            raise damaged(folder, f"the lexical index cannot be opened: {error}") from error
        rows = PassageRows(folder, manifest, alive)
        vectors = DenseFiles(folder).open(manifest) if dense and manifest.dense is not None else None
        return cls(manifest, rows, lexical, vectors)

    def by_words(self, query: str, *, limit: int, among: Filter) -> list[int]:
        """Rows, best first."""
        return [row for row, _ in self.lexical.search(query, limit=limit, among=among)]

    def by_vectors(self, vectors: NDArray[np.float32], *, limit: int, among: Filter) -> list[list[int]]:
        """Rows of each query `(q, d) float32`, best first."""
        if self.dense is None:
            return [[] for _ in vectors]
        found = self.dense.search(vectors, limit, allowed=self._allowed(among))
        return [[int(row) for row in rows if row >= 0] for rows in found.rows]

    def _allowed(self, among: Filter) -> NDArray[np.uint8] | None:
        if among.everything:
            return None if self.manifest.passages == self.manifest.rows else self.rows.alive
        known = self.admitted.get(among)
        if known is None:
            names = self.manifest
            known = bits(self.rows.admitted(among, sources=names.sources, licenses=names.licenses))
            if len(self.admitted) >= _CONDITIONS:
                self.admitted.clear()
            self.admitted[among] = known
        return known


class StoreReader:
    """A `Retriever` over an index store: words and vectors, where there are vectors, fused by their ranks.

    Args:
        home: Directory of the store.
        encoder: Of the queries; without it words alone are searched.
        reranker: Reads the best candidates together with the query and orders them anew; optional.
        constant: Of the fusion.

    Raises:
        KnowledgeError: There is no index, it is damaged, or was built with another encoder.
    """

    def __init__(
        self,
        home: Path,
        *,
        encoder: PassageEncoder | None = None,
        reranker: Reranker | None = None,
        constant: int = CONSTANT,
    ) -> None:
        self._versions = Versions(home)
        self._encoder, self._reranker, self._constant = encoder, reranker, constant
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lexical")
        self._open = self._opened(self._versions.current())

    @property
    def manifest(self) -> Manifest:
        """Of the version that is searched."""
        return self._open.manifest

    def __len__(self) -> int:
        return self._open.manifest.passages

    def refresh(self) -> bool:
        """Take the version now in force; whether it is another one. Searches meanwhile use the old one."""
        number = self._versions.current()
        if number == self._open.manifest.version:
            return False
        self._open = self._opened(number)
        return True

    def search(self, queries: Sequence[str], *, limit: int, among: Filter = Filter()) -> list[list[Hit]]:  # noqa: B008 - frozen
        """One ranked list a query, of passages that fulfil the conditions."""
        if not queries:
            return []
        version = self._open
        _require_known(version.manifest, among)
        queries = [query.encode(errors="replace").decode() for query in queries]  # no half characters
        limit = min(limit, max(1, version.manifest.passages))
        if version.dense is None or self._encoder is None:
            vectors = np.zeros((len(queries), 0), dtype=np.float32)
        else:
            vectors = self._encoder.encode(queries)
        return [
            [
                Hit(version.rows.passage(row).id, score, rank)
                for rank, (row, score) in enumerate(found, start=1)
            ]
            for found in self._ranked(version, queries, vectors, limit=limit, among=among)
        ]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with these ids, in their order.

        Raises:
            KnowledgeError: One is not in the index.
        """
        version = self._open
        rows = version.rows.find(ids)
        for passage_id, row in zip(ids, rows, strict=True):
            if row < 0:
                raise KnowledgeError(f"The index has no passage {passage_id!r}: take the id from a search.")
        return [version.rows.passage(int(row)) for row in rows]

    def fused_rows(
        self,
        query: str,
        vector: NDArray[np.float32],
        *,
        limit: int,
        among: Filter = Filter(),  # noqa: B008 - frozen
    ) -> list[tuple[int, float]]:
        """Rows and fused scores of one query whose vector `(1, d) float32` is known."""
        return self._fused(self._open, [query], vector, limit=limit, among=among)[0]

    def _ranked(
        self,
        version: OpenVersion,
        queries: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        limit: int,
        among: Filter,
    ) -> list[list[tuple[int, float]]]:
        wanted = limit if self._reranker is None else max(limit, _RERANKED)
        fused = self._fused(version, queries, vectors, limit=wanted, among=among)
        if self._reranker is None:
            return fused
        return [
            reranked(self._reranker, query, [row for row, _ in found], version.rows.passage)[:limit]
            for query, found in zip(queries, fused, strict=True)
        ]

    def _fused(
        self,
        version: OpenVersion,
        queries: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        limit: int,
        among: Filter,
    ) -> list[list[tuple[int, float]]]:
        """Both arms at the same time, all vectors in one pass; words alone where there are no vectors."""
        asked = candidates(limit)
        by_words = partial(version.by_words, limit=asked, among=among)
        if not vectors.shape[1]:
            return [fuse([by_words(query)], constant=self._constant)[:limit] for query in queries]
        words = self._pool.map(by_words, queries)
        near = version.by_vectors(vectors, limit=asked, among=among)
        return [fuse(arms, constant=self._constant)[:limit] for arms in zip(words, near, strict=True)]

    def _opened(self, number: int) -> OpenVersion:
        """A version; the one after it where a writer removed it meanwhile."""
        try:
            return self._read(number)
        except KnowledgeError:
            newer = self._versions.current()
            if newer == number:
                raise
            return self._opened(newer)

    def _read(self, number: int) -> OpenVersion:
        folder = self._versions.existing(number)
        version = OpenVersion.of(folder, dense=self._encoder is not None)
        if version.manifest.dense is not None and self._encoder is not None:
            require_encoder(version.manifest.dense, self._encoder, folder)
        return version


def _require_known(manifest: Manifest, among: Filter) -> None:
    for what, wanted, there in (
        ("source", among.sources, manifest.sources),
        ("licence", among.licenses, manifest.licenses),
    ):
        unknown = next((name for name in wanted if name not in there), None)
        if unknown is not None:
            known = ", ".join(there[:_LISTED]) + (", ..." if len(there) > _LISTED else "")
            raise UnknownNameError(f"The index has no {what} {unknown!r}: choose among {known}.")
