"""The development images and splits that settings are chosen on; no audit reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.datasets.manifest import ManifestColumns, read_manifest
from models.domains import DomainSplit, confounded
from models.images import ImageRecord
from pipelines.images_table import read_images
from pipelines.run import Run

CLASSES = ("normal", "abnormal")
SPLITS = (  # attribute, its value with normal and with abnormal
    ("view", ("PA", "AP")),
    ("view", ("AP", "PA")),
    ("sex", ("F", "M")),
    ("sex", ("M", "F")),
    ("age_group", ("<60", ">=60")),
)


@dataclass(frozen=True, slots=True)
class DevelopmentData:
    """Images and how they are split.

    Attributes:
        records: All of them.
        splits: Five, confounded.
    """

    records: tuple[ImageRecord, ...]
    splits: tuple[DomainSplit, ...]


def development_data(root: Path, run: Run) -> DevelopmentData:
    """`xray/nih64` without the patients that the run's `nih` images show (same hospital, same numbers)."""
    columns = ManifestColumns(
        image="image",
        id="image_id",
        label="label",
        patient="patient_id",
        attributes=tuple(dict.fromkeys(attribute for attribute, _ in SPLITS)),
    )
    every = read_manifest(root / "xray/nih64/metadata.csv", name="nih64", columns=columns)
    audited = {number(record) for record in read_images(run.path("images.parquet")).of(["nih"])}
    records = tuple(record for record in every if number(record) not in audited)
    return DevelopmentData(records, tuple(split_of(records, *each) for each in SPLITS))


def number(record: ImageRecord) -> str:
    """The hospital's own number of a patient."""
    return (record.patient or record.id).rpartition("/")[2]


def split_of(records: Sequence[ImageRecord], attribute: str, values: tuple[str, str]) -> DomainSplit:
    """Normal images with the first value, abnormal ones with the second, until the shifted part."""
    name = f"{attribute} {values[0]} / {values[1]}"
    return confounded(records, name=name, classes=CLASSES, attribute=attribute, values=values, seed=0)
