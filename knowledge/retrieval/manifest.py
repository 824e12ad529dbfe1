"""What one version of an index store holds: read from and written to its `manifest.json`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from knowledge.errors import KnowledgeError
from knowledge.retrieval.kinds import Kind

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
    """

    kind: Kind
    dimension: int
    encoder: str
    lists: int
    probes: int
    target: float
    curve: tuple[Point, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version.

    Attributes:
        version: Counts from 1.
        created: UTC, ISO 8601.
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
    created: str
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
            return cls(**_typed(found))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise KnowledgeError(
                f"{path} is not the manifest of an index ({error}): roll back or build it again."
            ) from error


def _typed(found: dict[str, Any]) -> dict[str, Any]:
    dense = found["dense"]
    return found | {
        "segments": tuple(Segment(**each) for each in found["segments"]),
        "sources": tuple(found["sources"]),
        "licenses": tuple(found["licenses"]),
        "files": {name: FileRecord(**each) for name, each in found["files"].items()},
        "dense": None
        if dense is None
        else DenseRecord(
            **dense
            | {
                "kind": Kind(dense["kind"]),
                "curve": tuple(Point(**each) for each in dense["curve"]),
                "parts": tuple(dense["parts"]),
            }
        ),
    }
