"""Class probabilities of a method on a split's images, one set a seed, as the audit reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.errors import ModelsError
from models.files import replacing

SCHEMA = pa.schema(
    [
        ("method", pa.string()),
        ("split", pa.string()),
        ("seed", pa.int64()),
        ("id", pa.string()),
        ("probabilities", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one method says on one split.

    Attributes:
        method: Its name.
        split: Its name.
        seeds: `(s,)`.
        ids: `(n,)` images, those of `in_domain` and `shifted` at least.
        probabilities: `(s, n, k) float64`, classes in the split's order.
    """

    method: str
    split: str
    seeds: tuple[int, ...]
    ids: tuple[str, ...]
    probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Metrics would rank a nan without a word."""
        wrong = int((~np.isfinite(self.probabilities)).sum())
        if wrong:
            raise ModelsError(
                f"{self.method} on {self.split}: {wrong} of {self.probabilities.size} probabilities are "
                "no finite numbers; look at the features and the training of this method"
            )

    def of(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of these images in this order, `(s, len(ids), k)`."""
        place = {image: row for row, image in enumerate(self.ids)}
        missing = [image for image in ids if image not in place]
        if missing:
            raise ModelsError(
                f"{self.method} has no prediction for {len(missing)} of {len(ids)} images of {self.split}; "
                "predict on in_domain and shifted before the audit"
            )
        return self.probabilities[:, [place[image] for image in ids]]


def write_predictions(path: Path, predictions: Iterable[Predictions]) -> None:
    """As Parquet, a row for each method, split, seed and image."""
    tables = [as_table(each) for each in predictions]
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    with replacing(path) as file:
        pq.write_table(table, file)


def as_table(predictions: Predictions) -> Any:
    """Rows in the order seed, image."""
    seeds, images, classes = predictions.probabilities.shape
    values = pa.array(predictions.probabilities.astype(np.float64).ravel())
    offsets = pa.array(np.arange(seeds * images + 1, dtype=np.int32) * classes)
    columns = [
        pa.array([predictions.method] * (seeds * images)),
        pa.array([predictions.split] * (seeds * images)),
        pa.array(np.repeat(np.asarray(predictions.seeds, dtype=np.int64), images)),
        pa.array(list(predictions.ids) * seeds, type=pa.string()),
        pa.ListArray.from_arrays(offsets, values),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def read_predictions(path: Path) -> tuple[Predictions, ...]:
    """Reads what `write_predictions` wrote, in its order."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ModelsError(f"{path} is no table of predictions ({error}); fit the methods again") from error
    if table.schema.names != SCHEMA.names:
        raise ModelsError(f"{path} has columns {', '.join(table.schema.names)}; fit the methods again")
    return tuple(of_pair(table, method, split) for method, split in pairs_of(table))


def pairs_of(table: Any) -> list[tuple[str, str]]:
    """Method and split of each block of rows, in order."""
    both = zip(table["method"].to_pylist(), table["split"].to_pylist(), strict=True)
    return list(dict.fromkeys(both))


def of_pair(table: Any, method: str, split: str) -> Predictions:
    """The rows of one method and split."""
    mask = (table["method"].to_numpy() == method) & (table["split"].to_numpy() == split)
    rows = table.filter(pa.array(mask))
    seeds = tuple(dict.fromkeys(rows["seed"].to_pylist()))
    images = rows.num_rows // len(seeds)
    values = rows["probabilities"].combine_chunks().flatten().to_numpy()
    return Predictions(
        method=method,
        split=split,
        seeds=seeds,
        ids=tuple(rows["id"].to_pylist()[:images]),
        probabilities=values.reshape(len(seeds), images, -1),
    )
