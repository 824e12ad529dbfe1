from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.baselines import Inputs, TrainingData
from models.domains import DomainSplit, save_split
from models.images import ImageRecord
from pipelines.config import load_config
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import Run
from pipelines.stages.fine_tune import fine_tune_units
from pipelines.stages.oracle import can_be_told, fit_oracle, halves_of

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
grounding = { datasets = ["images"] }
fine_tune = { weights = "own.safetensors", epochs = 20 }

[[splits]]
name = "age"
datasets = ["images"]
classes = ["normal", "sick"]
attribute = "age"
values = ["young", "old"]
"""


def split_of(n: int, *, images_a_patient: int = 1) -> DomainSplit:
    """`n` images in each part; neighbours share a patient."""
    parts = {
        part: tuple(f"{part[0]}{row}" for row in range(n)) for part in ("train", "validation", "in", "shift")
    }
    ids = [image for part in parts.values() for image in part]
    label = {image: ("normal", "sick")[(int(image[1:]) // images_a_patient) % 2] for image in ids}
    patient = {image: f"{image[0]}p{int(image[1:]) // images_a_patient}" for image in ids}
    return DomainSplit(
        name="age",
        classes=("normal", "sick"),
        attribute="age",
        train=parts["train"],
        validation=parts["validation"],
        in_domain=parts["in"],
        shifted=parts["shift"],
        label=label,
        patient=patient,
        checks=(),
    )


class Spy:
    """A method that keeps what it was told, and says of each image what it saw."""

    def __init__(self) -> None:
        self.told: list[set[float]] = []

    def fit(self, data: TrainingData, *, seeds: Sequence[int]) -> "Spy":
        assert seeds == [0]
        assert data.oracle is not None
        self.told.append(set(data.oracle.inputs.features[:, 0].tolist()))
        return self

    def save(self, directory: Path) -> None:
        directory.mkdir()

    def predict(self, inputs: Inputs) -> np.ndarray:
        seen = [value in self.told[-1] for value in inputs.features[:, 0].tolist()]
        return np.array([[[1.0, 0.0] if each else [0.0, 1.0] for each in seen]])


class Numbered:
    """Tables in which an image's only feature is its number."""

    def __init__(self, split: DomainSplit) -> None:
        self.number = {image: float(row) for row, image in enumerate(split.ids)}
        self.split = split

    def inputs(self, ids: Sequence[str]) -> Inputs:
        values = np.array([[self.number[image]] for image in ids], dtype=np.float32)
        return Inputs(values, values)

    def training_data(self, split: DomainSplit) -> TrainingData:
        nothing = np.zeros((2, 0), np.float32)
        train, validation = self.inputs(split.train), self.inputs(split.validation)
        return TrainingData(
            split.classes,
            (),
            nothing,
            train,
            split.targets(split.train),
            validation,
            split.targets(split.validation),
        )


@pytest.mark.parametrize("images_a_patient", [1, 3])
def test_an_oracle_is_reported_on_no_image_that_it_was_told_of(tmp_path: Path, images_a_patient: int) -> None:
    split, spy = split_of(48, images_a_patient=images_a_patient), Spy()
    found = fit_oracle(spy, "dfr", split, Numbered(split), seeds=[0], folder=tmp_path)  # type: ignore[arg-type]
    assert found.of((*split.in_domain, *split.shifted))[0, :, 1].all()
    np.testing.assert_array_equal(found.of(split.validation)[0], [[1, 0]] * 48)  # both models saw these
    number = Numbered(split).number
    assert set.union(*spy.told) >= {number[image] for image in split.shifted}


def test_no_patient_is_in_both_halves_and_classes_are_halved() -> None:
    split = split_of(48, images_a_patient=3)
    half = halves_of(split)
    assert len({(split.patient[image], half[image]) for image in half}) == len(
        set(map(split.patient.get, half))
    )
    for name in split.classes:
        counts = np.bincount(
            [half[image] for image in split.shifted if split.label[image] == name], minlength=2
        )
        assert counts.tolist() == [12, 12]


def test_a_split_too_small_to_halve_has_no_oracle() -> None:
    assert can_be_told(split_of(16))
    assert not can_be_told(split_of(14))
    assert not can_be_told(replace(split_of(16), shifted=()))


def run_of(tmp_path: Path) -> Run:
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes/a.txt").write_text("The lungs are clear.")
    (tmp_path / "images.csv").write_text("image,label\n")
    (tmp_path / "own.safetensors").write_bytes(b"weights")
    (tmp_path / "c.toml").write_text(CONFIG)
    run, split = Run(tmp_path / "run", load_config(tmp_path / "c.toml")), split_of(12)
    (tmp_path / "run/splits").mkdir(parents=True, exist_ok=True)
    save_split(split, tmp_path / "run/splits/age.json")
    write_table(run, dict.fromkeys(split.ids, "same"))
    return run


def write_table(run: Run, digest: dict[str, str]) -> None:
    records = tuple(ImageRecord(image, Path(f"{image}.png"), "normal", {}) for image in digest)
    write_images(
        run.path("images.parquet"), ImagesTable(records, ("images",) * len(records), tuple(digest.values()))
    )


def test_a_network_rests_on_the_content_of_its_images_and_weights_and_on_nothing_else(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    (before,) = fine_tune_units(run)
    encoder = run.config.encoder.model_copy(update={"cells": 5, "batch": 3})
    further = run.config.fine_tune.model_copy(update={"images": 1000, "epochs": None})
    other = Run(run.directory, run.config.model_copy(update={"encoder": encoder, "fine_tune": further}))
    assert fine_tune_units(other)[0].key == before.key
    digest = dict.fromkeys(split_of(12).ids, "same") | {"s3": "mended"}
    write_table(run, digest)
    (mended,) = fine_tune_units(run)
    assert mended.key != before.key
    (tmp_path / "own.safetensors").write_bytes(b"other weights")
    assert fine_tune_units(run)[0].key != mended.key
