"""The vector index of a version on disk: built in shards, extended by parts, opened after its checksums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.retrieval import recall
from knowledge.retrieval.encoder import PassageEncoder
from knowledge.retrieval.engine import VECTORS_PER_LIST, merged, read, trained, without, write
from knowledge.retrieval.integrity import check_file
from knowledge.retrieval.kinds import Estimate, Kind, estimate, list_count, readable
from knowledge.retrieval.manifest import DenseRecord, Manifest, Point, Segment
from knowledge.retrieval.new_array import new_array
from knowledge.retrieval.recall import Truth
from knowledge.retrieval.rows import bits
from knowledge.retrieval.shards import AddShard, EmbedShard, MapShards, add_vectors, embed
from knowledge.retrieval.vector_search import HalfVectors, VectorSearch

Progress = Callable[[int, int], None]

_TRAINED, _TRUTH = "trained.faiss", "truth.npz"
_MOST_PARTS = 8  # every part costs a search; above, they are merged


_SHARDS_AT_ONCE = 50  # embedded shards that go into one part before it is merged
_LARGE = 0.1  # share of all rows above which later parts join the first


@dataclass(frozen=True, slots=True)
class Embedding:
    """How passages become vectors.

    Attributes:
        encoder: Of passages and queries.
        cache: SQLite file of vectors by text, or none.
        map_shards: Applies a function to every shard; in this process by default.
        shard_size: Passages of a shard.
        progress: Called with (done, total) passages.
    """

    encoder: PassageEncoder
    cache: Path | None = None
    map_shards: MapShards = map
    shard_size: int = 2_000
    progress: Progress | None = None


class DenseFiles:
    """Files under `dense/` of a version, or of the draft of one."""

    def __init__(self, folder: Path) -> None:
        self._version = folder
        self._dense = folder / "dense"

    def build(
        self,
        segment: Segment,
        planned: Estimate,
        embedding: Embedding,
        *,
        target: float,
        work: Path,
        memory_budget: int | None = None,
    ) -> DenseRecord:
        """Embed, train, add and merge the first segment, and find the operating point.

        Raises:
            KnowledgeError: The target is not reached.
        """
        self._dense.mkdir()
        lists = list_count(segment.rows) if planned.kind.in_lists else 0
        vectors = self._embedded(segment, embedding, work)
        queries = recall.held_out(segment.rows) if lists else np.empty(0, np.int64)  # flat is exact
        sample = recall.training_rows(segment.rows, wanted=max(1, lists * VECTORS_PER_LIST), queries=queries)
        index = trained(planned.kind, _taken(vectors, sample), lists=lists)
        write(index, self._dense / _TRAINED)
        record = DenseRecord(
            kind=planned.kind,
            dimension=planned.dimension,
            encoder=embedding.encoder.digest,
            lists=lists,
            probes=1,
            target=target,
            curve=(),
            parts=(segment.name,),
            memory_budget=memory_budget,
            asked=planned.asked,
        )
        truth = Truth.of(_taken(vectors, queries), queries)
        self._add(record, segment, vectors, base=0, truth=truth, embedding=embedding, work=work)
        return self._required(self._tuned(record, (segment,), np.ones(segment.rows, dtype=bool)))

    def extend(
        self,
        record: DenseRecord,
        segments: Sequence[Segment],
        live: NDArray[np.bool_],
        embedding: Embedding,
        *,
        work: Path,
    ) -> DenseRecord:
        """Embed and add the last segment as a part of its own, and measure the recall of all.

        Raises:
            KnowledgeError: The target is not reached any more, or the encoder is another.
        """
        require_encoder(record, embedding.encoder, self._version)
        segment, base = segments[-1], sum(each.rows for each in segments[:-1])
        vectors = self._embedded(segment, embedding, work)
        truth = Truth.load(self._dense / _TRUTH)
        self._add(record, segment, vectors, base=base, truth=truth, embedding=embedding, work=work)
        longer = replace(record, parts=(*record.parts, segment.name))
        if len(longer.parts) > _MOST_PARTS:
            longer = self._compacted(longer, segment.name, live)
        return self._required(self.measured(longer, segments, live))

    def measured(
        self, record: DenseRecord, segments: Sequence[Segment], live: NDArray[np.bool_]
    ) -> DenseRecord:
        """The record with its recall as it is now; more lists are visited where it fell below the target."""
        if record.kind is Kind.FLAT:
            return record
        opened = self.open_unchecked(record, segments)
        point = recall.measure(
            _visiting(opened, live),
            self._truth(opened, live),
            live,
            stored=opened.stored,
            probes=record.probes,
        )
        if point.recall < record.target:
            return self._tuned(record, segments, live)
        return replace(record, curve=(*(p for p in record.curve if p.probes != point.probes), point))

    def open(self, manifest: Manifest) -> VectorSearch:
        """The index of a published version, each file compared with its checksum before FAISS reads it.

        Raises:
            KnowledgeError: A file is damaged or foreign.
        """
        assert manifest.dense is not None, "the caller asks first"
        self._check(manifest, [f"{name}.faiss" for name in manifest.dense.parts])
        return self.open_unchecked(manifest.dense, manifest.segments)

    def check_before_change(self, manifest: Manifest) -> None:
        """Compare all that a change will read with its checksum.

        Raises:
            KnowledgeError: A file is damaged or foreign.
        """
        if manifest.dense is not None:
            self._check(manifest, [_TRAINED, _TRUTH, *(f"{name}.faiss" for name in manifest.dense.parts)])

    def _check(self, manifest: Manifest, names: Sequence[str]) -> None:
        for name in names:
            check_file(self._version, manifest, f"dense/{name}")

    def open_unchecked(self, record: DenseRecord, segments: Sequence[Segment]) -> VectorSearch:
        """The index that this very process has written and not yet published."""
        parts = tuple(read(self._dense / f"{name}.faiss") for name in record.parts)
        halves = None
        if record.kind is Kind.SMALL:
            halves = HalfVectors([self._dense / f"{segment.name}.halves.npy" for segment in segments])
        return VectorSearch(record.kind, parts, record.probes, record.lists, halves)

    def _tuned(
        self, record: DenseRecord, segments: Sequence[Segment], live: NDArray[np.bool_]
    ) -> DenseRecord:
        if record.kind is Kind.FLAT:
            return replace(record, curve=(Point(1, 1.0, 1.0),))
        opened = self.open_unchecked(record, segments)
        points = recall.curve(
            _visiting(opened, live),
            self._truth(opened, live),
            live,
            stored=opened.stored,
            lists=max(1, record.lists),
            target=record.target,
        )
        return replace(record, probes=points[-1].probes, curve=points)

    def _truth(self, opened: VectorSearch, live: NDArray[np.bool_]) -> Truth:
        """Queries and their neighbours; drawn anew, and kept, where deletions left too few of them."""
        path = self._dense / _TRUTH
        truth = Truth.load(path)
        if not truth.suffices(live):
            truth = Truth.redrawn(opened.stored, live)
            truth.save(path)
        return truth

    @staticmethod
    def _required(record: DenseRecord) -> DenseRecord:
        point = next((each for each in record.curve if each.probes == record.probes), None)
        if point is not None:
            recall.require(point, record.target)
        return record

    def _embedded(self, segment: Segment, embedding: Embedding, work: Path) -> list[Path]:
        """Vectors of the segment's passages, a file a shard."""
        source = self._version / "passages" / f"{segment.name}.jsonl"
        size = embedding.shard_size
        shards = [
            EmbedShard(source, first, min(first + size, segment.rows), work / f"vectors-{first:010}.npy")
            for first in range(0, segment.rows, size)
        ]
        function = partial(embed, encoder=embedding.encoder, cache=embedding.cache)
        files: list[Path] = []
        for shard, file in zip(shards, embedding.map_shards(function, shards), strict=True):
            files.append(file)
            if embedding.progress is not None:
                embedding.progress(shard.last, segment.rows)
        return files

    def _add(
        self,
        record: DenseRecord,
        segment: Segment,
        vectors: Sequence[Path],
        *,
        base: int,
        truth: Truth,
        embedding: Embedding,
        work: Path,
    ) -> None:
        """Write `<segment>.faiss`, its half vectors where the kind needs them, and the exact neighbours."""
        halves = self._dense / f"{segment.name}.halves.npy" if record.kind is Kind.SMALL else None
        if halves is not None:
            shape = (segment.rows, record.dimension)
            new_array(halves, np.float16, shape).flush()
        np.save(work / "queries.npy", truth.queries, allow_pickle=False)
        shards = [
            AddShard(
                vectors=tuple(vectors[first : first + _SHARDS_AT_ONCE]),
                first_row=base + first * embedding.shard_size,
                trained=self._dense / _TRAINED,
                queries=work / "queries.npy",
                target=work / f"part-{first:010}.faiss",
                halves=halves,
                offset=first * embedding.shard_size,
            )
            for first in range(0, len(vectors), _SHARDS_AT_ONCE)
        ]
        found = list(embedding.map_shards(add_vectors, shards))
        truth.extended(found).save(self._dense / _TRUTH)
        self._merge([shard.target for shard in shards], self._dense / f"{segment.name}.faiss")

    def _compacted(self, record: DenseRecord, name: str, live: NDArray[np.bool_]) -> DenseRecord:
        """Later parts as one, together with the first where they have become large; deleted rows go."""
        paths = [self._dense / f"{part}.faiss" for part in record.parts]
        rows = [int(read(path).ntotal) for path in paths]
        first = 0 if sum(rows[1:]) > _LARGE * sum(rows) else 1
        joined = f"{name}-and-before"
        self._merge(paths[first:], self._dense / f"{joined}.faiss", dead=np.flatnonzero(~live))
        for path in paths[first:]:
            path.unlink()
        return replace(record, parts=(*record.parts[:first], joined))

    @staticmethod
    def _merge(paths: Sequence[Path], target: Path, *, dead: NDArray[np.int64] | None = None) -> None:
        if len(paths) == 1:
            paths[0].replace(target)
            return
        index = read(paths[0], mapped=False)
        for path in paths[1:]:
            merged([read(path, mapped=False)], into=index)
        if dead is not None and len(dead):
            without(index, dead)
        write(index, target)


def require_memory(manifest: Manifest, added: int) -> None:
    """Refuse passages whose vectors would take more memory than the index was built for.

    Raises:
        KnowledgeError: They would.
    """
    dense = manifest.dense
    if dense is None or dense.memory_budget is None:
        return
    now = sum(manifest.files[f"dense/{part}.faiss"].bytes for part in dense.parts)
    grown = now + estimate(dense.kind, vectors=added, dimension=dense.dimension).memory
    if grown > dense.memory_budget:
        raise KnowledgeError(
            f"With {added:,} passages more the vectors need {readable(grown)} of memory, and the index was "
            f"built for a budget of {readable(dense.memory_budget)}: build it again with a larger budget "
            "or a smaller kind."
        )


def require_encoder(record: DenseRecord, encoder: PassageEncoder, folder: Path) -> None:
    """Vectors of two encoders have nothing to do with each other.

    Raises:
        KnowledgeError: The index was built with another encoder.
    """
    if record.encoder != encoder.digest:
        raise KnowledgeError(
            f"The index in {folder} was built with another encoder: name that one, or build the index again."
        )


def _visiting(opened: VectorSearch, live: NDArray[np.bool_]) -> recall.Search:
    allowed = None if live.all() else bits(live)
    return lambda queries, limit, probes: opened.visit(queries, limit, probes, allowed=allowed).rows


def _taken(files: Sequence[Path], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Vectors of rows in order, `(n, d) float32`, from one file a shard."""
    blocks: list[NDArray[np.float32]] = []
    base = 0
    for file in files:
        block = np.load(file, mmap_mode="r", allow_pickle=False)
        here = rows[(rows >= base) & (rows < base + len(block))] - base
        blocks.append(np.asarray(block[here]))
        base += len(block)
    return np.concatenate(blocks)
