"""All predictions as one table for people: what each method said of each image, and the image's groups."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from models.domains import DomainSplit
from models.evaluation.grouping import Attributes
from models.evaluation.predictions import Predictions
from models.files import replacing

PARTS = ("validation", "in_domain", "shifted")
DIGITS = 7
FORMULA = r"^('*[=+\-@\t\r])"  # how a cell begins that a spreadsheet would calculate, after any apostrophes
OWN = ("method", "split", "seed", "domain", "id", "label", "predicted", "correct")


def predictions_table(
    predictions: Iterable[Predictions], splits: Sequence[DomainSplit], attributes: Attributes
) -> Any:
    """A row for each method, split, seed and image; no patient ids.

    Columns `probability: <class>` are empty where the split does not have the class, attributes where they
    are unknown. An attribute whose name is taken is called `attribute: <name>`.
    """
    by_name = {split.name: split for split in splits}
    classes = tuple(dict.fromkeys(name for split in splits for name in split.classes))
    names = sorted({name for each in attributes.values() for name in each})
    schema = pa.schema(
        [
            *((name, pa.int64() if name == "seed" else pa.string()) for name in OWN[:-1]),
            ("correct", pa.bool_()),
            *((f"probability: {name}", pa.float64()) for name in classes),
            *((f"attribute: {name}" if name in OWN else name, pa.string()) for name in names),
        ]
    )
    tables = [
        rows_of(each, by_name[each.split], classes, names, attributes, schema=schema)
        for each in predictions
        if each.split in by_name
    ]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def rows_of(
    predictions: Predictions,
    split: DomainSplit,
    classes: Sequence[str],
    names: Sequence[str],
    attributes: Attributes,
    *,
    schema: Any,
) -> Any:
    """Of one method on one split, in the order seed, part, image."""
    ids, seeds = predictions.ids, len(predictions.seeds)
    part_of = {image: part for part in PARTS for image in split.parts[part]}
    labels = [split.label.get(image) for image in ids]
    own = np.asarray(split.classes, dtype=object)
    predicted = own[predictions.probabilities.argmax(axis=2)].ravel().tolist()
    place = {name: number for number, name in enumerate(split.classes)}
    known = [attributes.get(image, {}) for image in ids]
    columns = [
        pa.array([predictions.method] * (seeds * len(ids))),
        pa.array([predictions.split] * (seeds * len(ids))),
        pa.array(np.repeat(np.asarray(predictions.seeds, dtype=np.int64), len(ids))),
        pa.array([part_of.get(image) for image in ids] * seeds, type=pa.string()),
        pa.array(list(ids) * seeds, type=pa.string()),
        pa.array(labels * seeds, type=pa.string()),
        pa.array(predicted, type=pa.string()),
    ]
    columns.append(pc.equal(columns[5], columns[6]))
    for name in classes:
        values = predictions.probabilities[:, :, place[name]].ravel() if name in place else None
        columns.append(
            pa.nulls(len(predicted), pa.float64())
            if values is None
            else pa.array(np.round(values.astype(np.float64), DIGITS))
        )
    columns += [pa.array([each.get(name) for each in known] * seeds, type=pa.string()) for name in names]
    return pa.Table.from_arrays(columns, schema=schema)


def write_prediction_table(table: Any, *, csv: Path, parquet: Path) -> None:
    """The same rows twice: for spreadsheets, and for programs, which alone read the texts as they are."""
    with replacing(csv) as file:
        pa_csv.write_csv(guarded(table), file)
    with replacing(parquet) as file:
        pq.write_table(table, file)


def guarded(table: Any) -> Any:
    """With an apostrophe before every text, and name of a column, that a spreadsheet would calculate."""
    columns = [
        pc.replace_substring_regex(column, FORMULA, r"'\1") if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=[re.sub(FORMULA, r"'\1", name) for name in table.column_names])
