"""Image records as an artifact of a run: which images there are and what is known of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.files import replacing
from models.images import ImageRecord


@dataclass(frozen=True, slots=True)
class ImagesTable:
    """Every image of a run.

    Attributes:
        records: `(n,)`.
        datasets: `(n,)` name of the data set of each.
        digests: `(n,)` SHA-256 of each file; empty where it cannot be read.
    """

    records: tuple[ImageRecord, ...]
    datasets: tuple[str, ...]
    digests: tuple[str, ...]

    def of(self, names: Sequence[str]) -> list[ImageRecord]:
        """Records of some data sets, in order."""
        pairs = zip(self.records, self.datasets, strict=True)
        return [record for record, dataset in pairs if dataset in names]

    def digest_by_path(self) -> dict[Path, str]:
        """SHA-256 by file."""
        return {record.path: digest for record, digest in zip(self.records, self.digests, strict=True)}


def write_images(path: Path, table: ImagesTable) -> None:
    """Parquet, one row an image."""
    columns = {
        "id": [record.id for record in table.records],
        "dataset": list(table.datasets),
        "path": [str(record.path) for record in table.records],
        "sha256": list(table.digests),
        "label": [record.label for record in table.records],
        "patient": [record.patient for record in table.records],
        "report": [record.report for record in table.records],
        "attributes": [json.dumps(dict(record.attributes), sort_keys=True) for record in table.records],
    }
    schema = pa.schema([(name, pa.string()) for name in columns])
    with replacing(path) as file:
        pq.write_table(pa.table(columns, schema=schema), file)


def read_images(path: Path) -> ImagesTable:
    """Reads what `write_images` wrote."""
    rows = pq.read_table(path).to_pylist()
    records = tuple(
        ImageRecord(
            id=row["id"],
            path=Path(row["path"]),
            label=row["label"],
            attributes=json.loads(row["attributes"]),
            patient=row["patient"],
            report=row["report"],
        )
        for row in rows
    )
    return ImagesTable(records, tuple(row["dataset"] for row in rows), tuple(row["sha256"] for row in rows))
