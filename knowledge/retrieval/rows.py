"""Passages of an index store on disk, by row: JSON lines and tables beside them."""

import hashlib
import io
import json
import mmap
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.filters import Filter
from knowledge.retrieval.integrity import check_file, damaged
from knowledge.retrieval.manifest import Manifest

NO_YEAR = -1
_FACTS = np.dtype([("source", "<u4"), ("license", "<u4"), ("year", "<i4"), ("retracted", "?")])
_TABLES = ("offsets", "ids", "digests", "facts")
_to_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` makes one a call
_FIELDS = tuple(each.name for each in fields(Passage))
_DIGEST = 16  # bytes of SHA-256: two passages that differ share them once in 2^64 pairs


@dataclass
class Names:
    """Codes of names, in the order in which they came."""

    known: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Sequence[str]) -> Self:
        """Names that have codes already."""
        return cls({name: code for code, name in enumerate(names)})

    def code(self, name: str) -> int:
        """A small number for the name, always the same."""
        return self.known.setdefault(name, len(self.known))

    def listed(self) -> tuple[str, ...]:
        """Names in the order of their codes."""
        return tuple(self.known)


@dataclass(frozen=True, slots=True)
class Codes:
    """Names of sources and licences, as the rows keep them."""

    sources: Names = field(default_factory=Names)
    licenses: Names = field(default_factory=Names)


class SegmentWriter:
    """Writes one segment, passage by passage."""

    def __init__(self, folder: Path, name: str, codes: Codes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{name}.jsonl"
        self._codes = codes
        self._offsets, self._ids = array("q", [0]), array("Q")
        self._digests = bytearray()
        self._facts = array("i")

    def through(self, passages: Iterable[Passage]) -> Iterator[Passage]:
        """The same passages, written as they pass; the tables follow when all are through."""
        with self._path.open("wb") as file:
            for passage in passages:
                line = record(passage)
                file.write(line)
                self._note(passage, line)
                yield passage
        self._save()

    def __len__(self) -> int:
        return len(self._ids)

    def _note(self, passage: Passage, line: bytes) -> None:
        self._offsets.append(self._offsets[-1] + len(line))
        self._ids.append(id_key(passage.id))
        self._digests += record_digest(line)
        year = NO_YEAR if passage.year is None else passage.year
        self._facts.extend(
            (
                self._codes.sources.code(passage.source),
                self._codes.licenses.code(passage.license),
                year,
                int(passage.retracted),
            )
        )

    def _save(self) -> None:
        ids = np.array(self._ids, dtype="<u8")
        if len(np.unique(ids)) < len(ids):
            raise KnowledgeError(f"Two passages have the same id: {self._repeated(ids)}; give each its own.")
        facts = np.array(self._facts, dtype=np.int32).reshape(-1, 4)
        table = np.zeros(len(ids), dtype=_FACTS)
        for column, name in enumerate(_FACTS.names or ()):
            table[name] = facts[:, column]
        digests = np.frombuffer(bytes(self._digests), dtype=np.uint8).reshape(-1, _DIGEST)
        for name, values in zip(
            _TABLES, (np.array(self._offsets, dtype="<i8"), ids, digests, table), strict=True
        ):
            np.save(self._path.with_suffix(f".{name}.npy"), values, allow_pickle=False)

    def _repeated(self, ids: NDArray[np.uint64]) -> str:
        values, counts = np.unique(ids, return_counts=True)
        row = int(np.flatnonzero(ids == values[counts > 1][0])[0])
        with self._path.open("rb") as file:
            file.seek(self._offsets[row])
            return str(json.loads(file.readline())["id"])


class PassageRows:
    """The passages of a version: row numbers run through its segments."""

    def __init__(self, version: Path, manifest: Manifest, alive: NDArray[np.uint8]) -> None:
        self._version, self._manifest = version, manifest
        folder, segments = version / "passages", manifest.segments
        self._names = [each.name for each in segments]
        self._lines = [_mapped(folder / f"{each.name}.jsonl") for each in segments]
        self._base = np.cumsum([0, *(each.rows for each in segments)])
        self._offsets, self._digests = (
            [self._table(f"passages/{each}.{name}.npy") for each in self._names]
            for name in ("offsets", "digests")
        )
        later = {name: [f"passages/{each}.{name}.npy" for each in self._names] for name in ("ids", "facts")}
        self._later = {name: [(path, _mapped(version / path)) for path in later[name]] for name in later}
        self.alive = alive

    def __len__(self) -> int:
        return int(self._base[-1])

    @cached_property
    def _ids(self) -> NDArray[np.uint64]:
        return self._whole("ids")

    @cached_property
    def _facts(self) -> NDArray[np.void]:
        return self._whole("facts")

    def passage(self, row: int) -> Passage:
        """The passage of a row, compared with its digest.

        Raises:
            KnowledgeError: It is damaged.
        """
        segment, place = self._place(row)
        start, end = self._offsets[segment][place : place + 2]
        line = self._lines[segment][int(start) : int(end)]
        if record_digest(line) != bytes(self._digests[segment][place]):
            raise damaged(self._version, f"a passage of passages/{self._names[segment]}.jsonl is changed")
        return Passage(**json.loads(line))

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The live row of each id, or -1: `(n,) int64`."""
        live = np.flatnonzero(self.live())
        keys = self._ids[live]
        order = np.argsort(keys)
        wanted = np.array([id_key(each) for each in ids], dtype="<u8")
        if not len(keys):
            return np.full(len(wanted), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
        rows = live[order[at]]
        return np.where(self._ids[rows] == wanted, rows, -1).astype(np.int64)

    def others(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Live rows of no such id: `(n,) int64`."""
        keys = np.array([id_key(each) for each in ids], dtype="<u8")
        return np.flatnonzero(self.live() & ~np.isin(self._ids, keys))

    def same(self, row: int, passage: Passage) -> bool:
        """Whether the row holds this very passage, facts and all."""
        segment, place = self._place(row)
        return bytes(self._digests_compared[segment][place]) == record_digest(record(passage))

    def live(self) -> NDArray[np.bool_]:
        """Which rows have not been deleted: `(n,) bool`."""
        return np.unpackbits(self.alive, count=len(self), bitorder="little").astype(bool)

    def admitted(
        self, among: Filter, *, sources: Sequence[str], licenses: Sequence[str]
    ) -> NDArray[np.bool_]:
        """Which rows are live and fulfil the conditions: `(n,) bool`."""
        rows = self.live()
        for column, wanted, names in (
            ("source", among.sources, sources),
            ("license", among.licenses, licenses),
        ):
            if wanted:
                rows &= np.isin(self._facts[column], [names.index(each) for each in wanted if each in names])
        if not among.retracted:
            rows &= ~self._facts["retracted"]
        years = self._facts["year"]
        if among.year_from is not None or among.year_to is not None:
            rows &= years != NO_YEAR
        if among.year_from is not None:
            rows &= years >= among.year_from
        if among.year_to is not None:
            rows &= years <= among.year_to
        return rows

    @cached_property
    def _digests_compared(self) -> list[NDArray[Any]]:
        """Compared with their checksums: what says that a passage is unchanged is to be right."""
        for segment in self._names:
            check_file(self._version, self._manifest, f"passages/{segment}.digests.npy")
        return self._digests

    def _whole(self, name: str) -> NDArray[Any]:
        """A table of all segments, compared with its checksums once, when it is first needed."""
        return np.concatenate([self._compared(path, file) for path, file in self._later[name]])

    def _compared(self, path: str, file: mmap.mmap | bytes) -> NDArray[Any]:
        content = bytes(file)
        known = self._manifest.files.get(path)
        if known is None or hashlib.sha256(content).hexdigest() != known.sha256:
            raise damaged(self._version, f"the checksum of {path} differs")
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))

    def _table(self, name: str) -> NDArray[Any]:
        try:
            return np.asarray(np.load(self._version / name, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, SyntaxError) as error:
            raise damaged(self._version, f"{name} is no table") from error

    def _place(self, row: int) -> tuple[int, int]:
        segment = int(np.searchsorted(self._base, row, side="right")) - 1
        return segment, row - int(self._base[segment])


def bits(rows: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """One bit a row, least significant first."""
    return np.packbits(rows, bitorder="little")


def record(passage: Passage) -> bytes:
    """The JSON line of a passage."""
    values = {name: getattr(passage, name) for name in _FIELDS}  # a third of the time of `asdict`
    return _to_json(values).encode() + b"\n"


def record_digest(line: bytes) -> bytes:
    """What tells a changed passage from an unchanged one."""
    return hashlib.sha256(line).digest()[:_DIGEST]


def id_key(passage_id: str) -> int:
    """64 bits that stand for an id."""
    return int.from_bytes(hashlib.sha256(passage_id.encode(errors="surrogatepass")).digest()[:8], "little")


def segment_lines(path: Path, *, first: int, last: int) -> Iterator[Passage]:
    """Passages `first` to `last` (left out) of a segment file, without reading the others."""
    offsets = np.load(path.with_suffix(".offsets.npy"), mmap_mode="r", allow_pickle=False)
    with path.open("rb") as file:
        file.seek(int(offsets[first]))
        for _ in range(first, last):
            yield Passage(**json.loads(file.readline()))


def _mapped(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
