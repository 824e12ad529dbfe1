"""What one version of an index store holds: read from and written to its `manifest.json`.

It says nothing of when or where the version was made: equal passages give equal bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self, TypeVar

from knowledge.errors import KnowledgeError
from knowledge.retrieval.kinds import Kind

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = 1
NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Checksum and length of one file of a version."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Passages that came in together: rows that follow those of the segment before."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a recall curve.

    Attributes:
        probes: Lists visited a query.
        recall: Mean share of the exact ten best that were found.
        low: Lower end of the one-sided 95 % interval of that mean.
    """

    probes: int
    recall: float
    low: float


@dataclass(frozen=True, slots=True)
class DenseRecord:
    """The vector index of a version.

    Attributes:
        kind: How vectors are kept.
        dimension: Of a vector.
        encoder: Digest of the encoder that made the vectors.
        lists: Trained lists; 0 for a flat index.
        probes: Lists visited a query: the operating point.
        target: Least recall at ten with which a version is published.
        curve: Recall on held-out queries, by lists visited.
        parts: Files under `dense/`, in the order of their rows.
        memory_budget: Bytes that the parts may take in memory, or none for no bound.
        asked: The kind that was asked for, where there were too few vectors for it.
    """

    kind: Kind
    dimension: int
    encoder: str
    lists: int
    probes: int
    target: float
    curve: tuple[Point, ...]
    parts: tuple[str, ...]
    memory_budget: int | None = None
    asked: Kind | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version.

    Attributes:
        version: Counts from 1.
        passages: That a search can return.
        segments: All rows, deleted ones among them.
        sources: Names by code, as the rows keep them.
        licenses: Names by code, as the rows keep them.
        engines: Versions of the libraries that wrote the files.
        dense: The vector index, or none.
        files: Every file of the version but this one, by its path.
        parent: The version from which this one was made; none for the first.
    """

    version: int
    passages: int
    segments: tuple[Segment, ...]
    sources: tuple[str, ...]
    licenses: tuple[str, ...]
    engines: str
    dense: DenseRecord | None
    files: Mapping[str, FileRecord]
    parent: int | None = None

    @property
    def rows(self) -> int:
        """Rows, deleted ones among them."""
        return sum(segment.rows for segment in self.segments)

    def as_json(self) -> str:
        """For people and for `load`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The manifest of a version folder.

        Raises:
            KnowledgeError: There is none, or it is not one.
        """
        path = directory / NAME
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found.pop("format") != FORMAT:
                raise KnowledgeError(
                    f"{path} has another format than {FORMAT}: build the index again with this version."
                )
            found.pop("created", None)  # kept by earlier versions
            return _checked(cls(**_typed(found)))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise KnowledgeError(
                f"{path} is not the manifest of an index ({error}): roll back or build it again."
            ) from error


def _typed(found: dict[str, Any]) -> dict[str, Any]:
    return found | {
        "segments": tuple(_segment(each) for each in found["segments"]),
        "sources": _texts(found["sources"]),
        "licenses": _texts(found["licenses"]),
        "files": {_inside(name): _checked(FileRecord(**each)) for name, each in found["files"].items()},
        "dense": None if found["dense"] is None else _dense(found["dense"]),
    }


def _segment(found: dict[str, Any]) -> Segment:
    segment = _checked(Segment(**found))
    _inside(segment.name)
    return segment


def _dense(found: dict[str, Any]) -> DenseRecord:
    asked = found.get("asked")
    typed = {
        "kind": Kind(found["kind"]),
        "curve": tuple(_checked(Point(**each)) for each in found["curve"]),
        "parts": tuple(map(_inside, _texts(found["parts"]))),
        "asked": None if asked is None else Kind(asked),
    }
    return _checked(DenseRecord(**found | typed))


_PLAIN: Mapping[Any, tuple[type, ...]] = {
    int: (int,),
    str: (str,),
    float: (int, float),
    int | None: (int, type(None)),
}
Record = TypeVar("Record", bound="DataclassInstance")


def _checked(record: Record) -> Record:
    """The record, whose numbers and texts are what they are declared to be.

    Raises:
        TypeError, ValueError: One is not.
    """
    for each in fields(record):
        value = getattr(record, each.name)
        allowed = _PLAIN.get(each.type)
        if allowed is None:
            continue
        if not isinstance(value, allowed) or isinstance(value, bool):
            raise TypeError(f"{each.name} is {value!r}")
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{each.name} is {value}")
    return record


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TypeError(f"{values!r:.60} is no list of names")
    return tuple(values)


def _inside(name: str) -> str:
    """A path that stays in the folder of the version."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"{name!r} lies outside the version")
    return name
