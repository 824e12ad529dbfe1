"""A collection of passages that can be searched while it grows: each change is a version of its own."""

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.bm25 import ENGINE
from knowledge.retrieval.dense_files import DenseFiles, Embedding, require_encoder, require_memory
from knowledge.retrieval.integrity import check_file, check_lengths, check_small
from knowledge.retrieval.kinds import Kind, choose
from knowledge.retrieval.manifest import NAME, Manifest
from knowledge.retrieval.rows import Codes, Names, PassageRows, bits
from knowledge.retrieval.segments import first_segment, next_segment
from knowledge.retrieval.versions import Progress, Versions, link_tree


@dataclass(frozen=True, slots=True)
class Change:
    """What an update did, in passages.

    Attributes:
        added: New ids.
        changed: Known ids with other text or facts.
        deleted: Ids taken out.
        unchanged: Known ids as they were.
        manifest: Of the version now in force.
    """

    added: int
    changed: int
    deleted: int
    unchanged: int
    manifest: Manifest


class IndexStore:
    """Versions of an index under one directory.

    Args:
        home: Directory of the store.
        keep: Older versions that stay for rolling back.
    """

    def __init__(self, home: Path, *, keep: int = 2) -> None:
        self._home, self._keep = home, keep
        self._versions = Versions(home)

    def build(
        self,
        passages: Iterable[Passage],
        *,
        embedding: Embedding | None = None,
        kind: Kind | None = None,
        memory_budget: int | None = None,
        target: float | None = None,
    ) -> Manifest:
        """Index all passages anew and put that version in force.

        Args:
            passages: Read once, so that they may come from a file of any length.
            embedding: Makes vectors; without it the index is by words alone.
            kind: Of the vector index; by size and budget without it.
            memory_budget: Bytes that the vector index may take in memory, now and as it grows.
            target: Least recall at ten; without it the kind's own (`Kind.target`).

        Raises:
            KnowledgeError: There are no passages, two have one id, the kind does not fit the budget, or the
                recall stays below the target. The version in force stays as it is.
        """
        if embedding is not None and isinstance(passages, Sized):  # refused before any work
            dimension = embedding.encoder.dimension
            choose(vectors=len(passages), dimension=dimension, budget=memory_budget, kind=kind)
        with self._versions.locked(), self._versions.draft() as draft:
            codes = Codes()
            segment = first_segment(draft, passages, "000001", codes)
            if not segment.rows:
                raise KnowledgeError(
                    f"There are no passages to index in {self._home}: check the literature sources."
                )
            live = np.ones(segment.rows, dtype=bool)
            dense = None
            if embedding is not None:
                dimension = embedding.encoder.dimension
                estimate = choose(vectors=segment.rows, dimension=dimension, budget=memory_budget, kind=kind)
                with self._versions.draft() as work:
                    dense = DenseFiles(draft).build(
                        segment,
                        estimate,
                        embedding,
                        target=estimate.kind.target if target is None else target,
                        work=work,
                        memory_budget=memory_budget,
                    )
            manifest = Manifest(
                version=0,
                passages=segment.rows,
                segments=(segment,),
                sources=codes.sources.listed(),
                licenses=codes.licenses.listed(),
                engines=_engines(),
                dense=dense,
                files={},
            )
            np.save(draft / "alive.npy", bits(live), allow_pickle=False)
            return self._versions.publish(draft, manifest, keep=self._keep)

    def add(self, passages: Iterable[Passage], *, embedding: Embedding | None = None) -> Change:
        """Put passages in; one with a known id takes the place of the old one where anything in it changed.

        Raises:
            KnowledgeError: There is no index, two passages have one id, the encoder is another, the vectors
                would not fit the memory budget, or the recall would fall below the target.
        """
        with self._versions.locked():
            return self._update(list(passages), embedding, delete=np.empty(0, np.int64))

    def delete(self, ids: Sequence[str]) -> Change:
        """Take passages out of every search.

        Raises:
            KnowledgeError: There is no index, or no passage with one of the ids.
        """
        with self._versions.locked():
            rows = self._rows(self._versions.manifest())
            found = rows.find(ids)
            if (found < 0).any():
                raise KnowledgeError(
                    f"The index in {self._home} has no passage {ids[int(np.argmin(found))]!r}: "
                    "take the id from a search."
                )
            return self._update([], None, delete=np.unique(found))

    def sync(self, passages: Iterable[Passage], *, embedding: Embedding | None = None) -> Change:
        """Make the index hold exactly these passages: add what is new or changed, delete what is gone.

        Raises:
            KnowledgeError: As `add`, or there would be no passage left.
        """
        with self._versions.locked():
            given = list(passages)
            if not given:
                raise KnowledgeError(
                    f"There are no passages to index in {self._home}: check the literature sources."
                )
            rows = self._rows(self._versions.manifest())
            gone = rows.others([passage.id for passage in given])
            return self._update(given, embedding, delete=gone)

    def manifest(self) -> Manifest:
        """What the version in force holds."""
        return self._versions.manifest()

    def created(self, version: int) -> str:
        """When a version was put there: UTC, ISO 8601, as the file system tells it."""
        seconds = (self._versions.existing(version) / NAME).stat().st_mtime
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

    def versions(self) -> list[int]:
        """That are there, oldest first."""
        return self._versions.numbers()

    def verify(self, *, progress: Progress | None = None) -> Manifest:
        """Compare every file of the version in force with its checksum.

        Raises:
            KnowledgeError: One is missing, changed or foreign.
        """
        return self._versions.verify(progress=progress)

    def roll_back(self, number: int | None = None) -> Manifest:
        """Put an older version in force: the one before, or the one named.

        Raises:
            KnowledgeError: There is no such version, or it is damaged.
        """
        return self._versions.roll_back(number)

    def _update(
        self, passages: Sequence[Passage], embedding: Embedding | None, *, delete: NDArray[np.int64]
    ) -> Change:
        _require_distinct(passages)
        manifest = self._versions.manifest()
        if manifest.dense is not None and passages:
            if embedding is None:
                raise KnowledgeError(
                    f"The index in {self._home} has vectors: name the encoder that made them."
                )
            require_encoder(manifest.dense, embedding.encoder, self._home)
        rows = self._rows(manifest)
        known = rows.find([passage.id for passage in passages])
        same = [row >= 0 and rows.same(int(row), each) for row, each in zip(known, passages, strict=True)]
        fresh = [passage for passage, unchanged in zip(passages, same, strict=True) if not unchanged]
        replaced = known[(known >= 0) & ~np.array(same, dtype=bool)] if passages else known
        dead = np.concatenate([replaced, delete])
        if fresh:
            require_memory(manifest, len(fresh))
        if fresh or len(dead):
            manifest = self._changed(manifest, rows, fresh, dead, embedding)
        return Change(
            added=len(fresh) - len(replaced),
            changed=len(replaced),
            deleted=len(delete),
            unchanged=int(np.sum(same)),
            manifest=manifest,
        )

    def _changed(
        self,
        manifest: Manifest,
        rows: PassageRows,
        fresh: Sequence[Passage],
        dead: NDArray[np.int64],
        embedding: Embedding | None,
    ) -> Manifest:
        live = rows.live()
        live[dead] = False
        base = self._versions.folder(manifest.version)
        DenseFiles(base).check_before_change(manifest)
        with self._versions.draft() as draft:
            link_tree(base, draft)
            codes = Codes(Names.of(manifest.sources), Names.of(manifest.licenses))
            name = f"{max(self._versions.numbers()) + 1:06}"
            segment = next_segment(draft, fresh, name, codes, base=manifest.rows, dead=dead)
            segments = (*manifest.segments, segment) if fresh else manifest.segments
            live = np.concatenate([live, np.ones(segment.rows, dtype=bool)])
            if not live.any():
                raise KnowledgeError(
                    f"No passage would be left in the index in {self._home}: delete its directory instead."
                )
            dense = manifest.dense
            if dense is not None:
                files = DenseFiles(draft)
                if fresh and embedding is not None:
                    with self._versions.draft() as work:
                        dense = files.extend(dense, segments, live, embedding, work=work)
                else:
                    dense = files.measured(dense, segments, live)
            np.save(draft / "alive.npy", bits(live), allow_pickle=False)
            changed = replace(
                manifest,
                passages=int(live.sum()),
                segments=segments,
                sources=codes.sources.listed(),
                licenses=codes.licenses.listed(),
                engines=_engines(),
                dense=dense,
            )
            return self._versions.publish(draft, changed, keep=self._keep)

    def _rows(self, manifest: Manifest) -> PassageRows:
        folder = self._versions.folder(manifest.version)
        check_lengths(folder, manifest)
        check_small(folder, manifest)
        alive = np.load(check_file(folder, manifest, "alive.npy"), allow_pickle=False)
        return PassageRows(folder, manifest, alive)


def _require_distinct(passages: Sequence[Passage]) -> None:
    known: set[str] = set()
    for each in passages:
        if each.id in known:
            raise KnowledgeError(f"Two passages have the same id: {each.id}; give each its own.")
        known.add(each.id)


def _engines() -> str:
    return f"{ENGINE}, faiss {version('faiss-cpu')}"
