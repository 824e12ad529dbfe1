import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from models.domains import DomainSplit
from models.evaluation.prediction_table import predictions_table, write_prediction_table
from models.evaluation.predictions import Predictions

IDS = ("=1+1", "-2", "'+3", "@a", "plain", "a=b")


def make_split(ids: tuple[str, ...] = IDS) -> DomainSplit:
    return DomainSplit(
        name="s",
        classes=("=no", "yes"),
        attribute="site",
        train=(),
        validation=ids,
        in_domain=(),
        shifted=(),
        label={image: ("=no", "yes")[row % 2] for row, image in enumerate(ids)},
        patient={},
        checks=(),
    )


def test_no_cell_of_the_table_for_spreadsheets_is_a_formula(tmp_path: Path) -> None:
    half = np.full((1, len(IDS), 2), 0.5)
    known = {image: {"+site": "\t=cmd()", "other": "a-b"} for image in IDS[:3]}
    table = predictions_table([Predictions("knobo", "s", (-1,), IDS, half)], [make_split()], known)
    write_prediction_table(table, csv=tmp_path / "p.csv", parquet=tmp_path / "p.parquet")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["'=1+1", "'-2", "''+3", "'@a", "plain", "a=b"]
    assert {row["label"] for row in rows} == {"'=no", "yes"}
    assert [row["'+site"] for row in rows] == ["'\t=cmd()"] * 3 + [""] * 3
    assert {row["seed"] for row in rows} == {"-1"}  # a number
    assert pq.read_table(tmp_path / "p.parquet").equals(table)
    assert table["id"].to_pylist() == list(IDS)
