"""The stage `checks` on a small run that is made from files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.domains import Check, DomainSplit, save_split
from models.features.table import FeatureTable
from models.images import ImageRecord, image_digest
from models.splits.checks import CheckFinding, load_findings
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import Run
from pipelines.stages.audit import all_checks
from pipelines.stages.checks import checks
from pipelines.stages.split import read_splits
from pipelines.status import open_finished

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
grounding = { datasets = ["asked"] }

[[datasets]]
name = "asked"
manifest = "images.csv"
label = "label"
patient = "patient"
attributes = ["view"]

[[splits]]
name = "strict"
datasets = ["asked"]
classes = ["normal", "sick"]
attribute = "view"
values = ["PA", "AP"]

[[splits]]
name = "as-published"
datasets = ["asked"]
classes = ["normal", "sick"]
attribute = "view"
values = ["PA", "AP"]
"""
NAMES = (
    "patient_overlap",
    "duplicate_images",
    "conflicting_labels",
    "unknown_labels",
    "cell_counts",
    "class_imbalance",
    "attribute_mixture",
    "near_duplicate_images",
)
PARTS = {
    part: tuple(f"asked/{part}{n}" for n in range(4))
    for part in ("train", "validation", "in_domain", "shifted")
}


def written_record(folder: Path, number: int, part: str, image: str) -> ImageRecord:
    """Its image file and what is known of it; the view goes with the class until the shifted part."""
    pixels = np.random.default_rng(number).integers(0, 256, (24, 24), dtype=np.uint8)
    path = folder / f"{number}.png"
    Image.fromarray(pixels).resize((160, 160)).save(path)
    sick = number % 2
    view = ("PA", "AP")[sick if part != "shifted" else 1 - sick]
    return ImageRecord(image, path, ("normal", "sick")[sick], {"view": view}, f"secret{number}")


def split_of(name: str, records: list[ImageRecord], checked: tuple[Check, ...]) -> DomainSplit:
    """All records, in the parts that their ids name."""
    label = {record.id: record.label or "" for record in records}
    patient = {record.id: record.patient or "" for record in records}
    return DomainSplit(
        name, ("normal", "sick"), "view", **PARTS, label=label, patient=patient, checks=checked
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run after `encode`: one picture lies in two parts, and so does one patient."""
    directory = tmp_path_factory.mktemp("runs") / "small"
    directory.mkdir()
    (directory / "config.toml").write_text(CONFIG, "utf-8")
    placed = [(part, image) for part, ids in PARTS.items() for image in ids]
    records = [written_record(directory, n, part, image) for n, (part, image) in enumerate(placed)]
    Image.open(records[0].path).crop((4, 4, 156, 156)).save(records[12].path)
    shared = records[15]
    records[15] = ImageRecord(shared.id, shared.path, shared.label, shared.attributes, records[1].patient)
    digests = tuple(image_digest(record.path) for record in records)
    write_images(directory / "images.parquet", ImagesTable(tuple(records), ("asked",) * 16, digests))
    kept = Check("patient_overlap", passed=False, fatal=False, message="kept", counts={})
    sound = Check("patient_overlap", passed=True, fatal=False, message="none", counts={})
    for name, checked in (("strict", (sound,)), ("as-published", (kept,))):
        save_split(split_of(name, records, checked), directory / "splits" / f"{name}.json")
    values = [np.asarray(Image.open(record.path).resize((8, 8))).ravel() for record in records]
    columns = tuple(map(str, range(64)))
    features = FeatureTable(tuple(r.id for r in records), columns, np.stack(values).astype(np.float32))
    features.save(directory / "features")
    made = open_finished(directory)
    stopped = r"split 'strict', patient_overlap: .*; mend the images or their table"
    with pytest.raises(PipelineError, match=stopped):
        checks(made)
    return made


@pytest.fixture(scope="module")
def found(run: Run) -> dict[tuple[str, str], CheckFinding]:
    return {(each.split, each.name): each for each in load_findings(run.path("checks.json"))}


def test_every_check_says_something_of_every_split(found: dict[tuple[str, str], CheckFinding]) -> None:
    assert list(found) == [(split, name) for split in ("strict", "as-published") for name in NAMES]
    assert found["strict", "duplicate_images"].severity == "passed"
    assert found["strict", "conflicting_labels"].severity == "passed"


def test_one_picture_in_two_parts_is_found_with_its_ids(
    found: dict[tuple[str, str], CheckFinding],
) -> None:
    for split in ("strict", "as-published"):
        near = found[split, "near_duplicate_images"]
        assert (near.severity, near.images) == ("warning", ("asked/shifted0", "asked/train0"))
        assert (near.counts["across_parts"], near.counts["train/shifted"]) == (1, 1)


def test_one_patient_in_two_parts_is_an_error_unless_the_split_is_kept_as_published(
    found: dict[tuple[str, str], CheckFinding],
) -> None:
    strict, kept = (found[split, "patient_overlap"] for split in ("strict", "as-published"))
    assert (strict.severity, kept.severity) == ("error", "warning")
    assert strict.images == kept.images == ("asked/shifted3",)


def test_no_patient_is_in_the_file_and_it_is_the_same_again(run: Run) -> None:
    before = run.path("checks.json").read_bytes()
    assert b"secret" not in before
    with pytest.raises(PipelineError):
        checks(run)
    assert run.path("checks.json").read_bytes() == before


def test_the_audit_takes_the_later_look_and_what_only_the_maker_knows(
    run: Run, found: dict[tuple[str, str], CheckFinding]
) -> None:
    lines = Check("published_lines", passed=True, fatal=False, message="all", counts={})
    splits = [replace(each, checks=(*each.checks, lines)) for each in read_splits(run)]
    checked = all_checks(tuple(found.values()), splits)
    assert [line[:2] for line in checked] == [
        (split, name) for split in ("strict", "as-published") for name in (*NAMES, "published_lines")
    ]
    assert ("strict", "patient_overlap", False) in {line[:3] for line in checked}
    assert ("as-published", "near_duplicate_images", False) in {line[:3] for line in checked}
