"""Splits from the configuration: confounded at a strength, of the paper made anew, and as published."""

import pickle  # to write what is published so
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.datasets.library.findings import NEGATIVE, POSITIVE
from models.domains import DomainSplit
from models.errors import ModelsError
from models.images import ImageRecord
from pipelines.config import SplitSection
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable
from pipelines.stages.split import make_split

CLASSES = ("Atelectasis", "Effusion")


def table(patients: int) -> ImagesTable:
    """Images of the two findings, each in men and women, a patient each, with findings as columns."""
    records = []
    for number in range(patients):
        label, sex = CLASSES[number % 2], "MF"[number // 2 % 2]
        attributes = {"sex": sex} | {name: POSITIVE if name == label else NEGATIVE for name in CLASSES}
        name = f"{number:08d}_000"
        records.append(
            ImageRecord(f"nih/{name}", Path(f"/data/{name}.png"), label, attributes, f"nih/{number}")
        )
    digests = tuple(record.id for record in records)
    return ImagesTable(tuple(records), ("nih",) * patients, digests)


def made(patients: int = 400, **settings: object) -> DomainSplit:
    images = table(patients)
    section = SplitSection.model_validate({"name": "s", "datasets": ["nih"], "classes": CLASSES} | settings)
    return make_split(section, images, images.digest_by_path(), seed=0)


def cells(split: DomainSplit, part: str) -> Counter[tuple[str, str]]:
    sex = {record.id: record.attributes["sex"] for record in table(400).records}
    return Counter((split.label[image], sex[image]) for image in split.parts[part])


def test_the_strength_is_the_share_that_goes_with_its_value() -> None:
    full = made(attribute="sex", values=["M", "F"])
    assert set(cells(full, "train")) == {("Atelectasis", "M"), ("Effusion", "F")}
    weaker = made(attribute="sex", values=["M", "F"], strength=0.8)
    train = cells(weaker, "train")
    share = train["Atelectasis", "M"] / (train["Atelectasis", "M"] + train["Atelectasis", "F"])
    assert share == pytest.approx(0.8, abs=0.03)
    assert set(cells(weaker, "shifted")) == {("Atelectasis", "F"), ("Effusion", "M")}


def released(folder: Path) -> Path:
    """Train and val as confounded, test reversed; one image of train is in test, too."""
    names = {
        (label, sex): [
            f"NIH/images/{record.path.stem}.png"
            for record in table(400).records
            if (record.label, record.attributes["sex"]) == (label, sex)
        ]
        for label in CLASSES
        for sex in "MF"
    }
    with_, against = {CLASSES[0]: "M", CLASSES[1]: "F"}, {CLASSES[0]: "F", CLASSES[1]: "M"}
    parts = {
        "train": {label: names[label, with_[label]][:50] for label in CLASSES},
        "val": {label: names[label, with_[label]][50:80] for label in CLASSES},
        "test": {label: names[label, against[label]][:40] for label in CLASSES},
    }
    parts["test"][CLASSES[0]].append(parts["train"][CLASSES[0]][0])
    folder.mkdir()
    for part, content in parts.items():
        (folder / f"class2images_{part}.p").write_bytes(pickle.dumps(content))
    return folder


def test_a_published_split_is_read_with_or_without_its_overlap(tmp_path: Path) -> None:
    files = released(tmp_path / "NIH-sex")
    cleaned = made(kind="released", files=files, attribute="sex")
    assert (len(cleaned.train), len(cleaned.shifted)) == (99, 81)
    kept = made(kind="released", files=files, attribute="sex", keep_overlap=True)
    assert (len(kept.train), len(kept.shifted)) == (100, 81)
    assert not next(check for check in kept.checks if check.name == "patient_overlap").passed


def test_a_split_of_the_paper_refuses_other_classes_and_unknown_names() -> None:
    with pytest.raises(
        PipelineError, match="the classes of NIH-age are No Finding, Has Finding, not Atelectasis"
    ):
        made(kind="paper", recipe="NIH-age")
    with pytest.raises(ModelsError, match="NIH-sexes"):
        made(kind="paper", recipe="NIH-sexes")


def test_a_split_of_the_paper_is_made_anew_from_findings() -> None:
    split = made(kind="paper", recipe="NIH-sex")
    assert set(cells(split, "train")) == {("Atelectasis", "M"), ("Effusion", "F")}
    assert set(cells(split, "shifted")) == {("Atelectasis", "F"), ("Effusion", "M")}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "paper"}, "it needs `recipe`"),
        ({"kind": "released"}, "it needs `files`"),
        ({"kind": "plain", "strength": 0.9}, "of kind plain knows no `strength`"),
        ({"kind": "plain", "files": "x"}, "knows no `files`; leave it out, or make it released"),
        ({"attribute": "sex", "values": ["M", "F"], "strength": 0.4}, "greater than or equal to 0.5"),
    ],
)
def test_settings_without_effect_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        made(**settings)
