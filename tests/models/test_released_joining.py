from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from released_files import Parts, image_path, with_overlaps, write_released

from models.datasets.library import data_set_named
from models.domains import DomainSplit
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.released import (
    Entry,
    ReleasedSplit,
    as_published,
    join,
    overlaps_of,
    published_named,
    read_released,
    without_overlap,
)

Maker = Callable[..., DomainSplit]


def owners_records(split: ReleasedSplit, *, patients: bool = True) -> list[ImageRecord]:
    """What the owner's table says of every image of NIH-sex, kept in folders of another mirror."""
    reversed_in = {"train": ("M", "F"), "val": ("M", "F"), "test": ("F", "M")}
    records = {}
    for entry in split.entries:
        name = Path(entry.path).stem
        sex = reversed_in[entry.part][split.classes.index(entry.label)]
        patient = f"nih/{int(name.split('_')[0])}" if patients else None
        records[name] = ImageRecord(f"nih/{name}", Path(f"/data/{name}.jpg"), None, {"sex": sex}, patient)
    return list(records.values())


@cache
def nih_sex() -> ReleasedSplit:
    """Read once for all tests."""
    with TemporaryDirectory() as folder:
        parts = with_overlaps(published_named("NIH-sex"))
        return read_released(write_released(Path(folder) / "NIH-sex", parts))


def made_by(make: Maker, split: ReleasedSplit, records: list[ImageRecord], **options: object) -> DomainSplit:
    given = {"name": "s", "classes": split.classes, "attribute": "sex", "seed": 0, "digest": lambda r: r.id}
    return make(split, records, **(given | options))


def test_as_published_keeps_every_image_and_names_the_overlap() -> None:
    split = nih_sex()
    made = made_by(as_published, split, owners_records(split))
    assert {part: len(ids) for part, ids in made.parts.items()} == {
        "train": 3000,
        "validation": 250,
        "in_domain": 250,
        "shifted": 1000,
    }
    checks = {check.name: check for check in made.checks}
    assert checks["patient_overlap"].counts["shifted images of train patients"] == 247
    assert not checks["patient_overlap"].passed
    assert not any(check.fatal and not check.passed for check in made.checks)
    assert checks["published_lines"].passed
    cells = checks["cell_counts"].counts
    assert cells["train/Atelectasis/M"] == 1500
    assert cells["shifted/Atelectasis/F"] == 500


def test_a_test_image_with_the_value_of_train_does_not_forbid_the_split_as_published() -> None:
    split = nih_sex()
    tested = Path(next(split.part("test")).path).stem
    records = [
        replace(each, attributes={"sex": "MF"[each.attributes["sex"] == "M"]})
        if each.id == f"nih/{tested}"
        else each
        for each in owners_records(split)
    ]
    cells = next(c for c in made_by(as_published, split, records).checks if c.name == "cell_counts")
    assert (cells.passed, cells.fatal) == (False, False)
    assert "repeats cells of train" in cells.message


def test_without_overlap_keeps_test_and_drops_exactly_the_shared_patients() -> None:
    split = nih_sex()
    made = made_by(without_overlap, split, owners_records(split))
    patient = {f"nih/{Path(e.path).stem}": Path(e.path).stem.split("_")[0] for e in split.entries}
    listed = {p: [f"nih/{Path(e.path).stem}" for e in split.part(p)] for p in ("train", "val", "test")}
    tested = {patient[image] for image in listed["test"]}
    val = [image for image in listed["val"] if patient[image] not in tested]
    later = tested | {patient[image] for image in val}
    assert set(made.shifted) == set(listed["test"])
    assert set(made.validation) | set(made.in_domain) == set(val)
    assert set(made.train) == {image for image in listed["train"] if patient[image] not in later}
    assert next(check for check in made.checks if check.name == "patient_overlap").passed


def test_without_overlap_follows_a_patient_through_an_image_that_is_filed_twice() -> None:
    split = nih_sex()
    records = owners_records(split)
    before = made_by(without_overlap, split, records)
    several = Counter(before.patient[i] for i in before.train)
    image = next(i for i in before.train if several[before.patient[i]] > 1)
    tested = next(i for i in before.shifted if before.label[i] == before.label[image])
    made = made_by(without_overlap, split, records, digest=lambda r: tested if r.id == image else r.id)
    owner = {each.id: each.patient for each in records}
    theirs = {i for i in before.train if owner[i] == owner[image]}
    assert set(before.train) - set(made.train) >= theirs
    assert len(theirs) > 1


def test_patients_are_taken_from_names_where_the_table_has_none() -> None:
    split = nih_sex()
    known = made_by(without_overlap, split, owners_records(split))
    guessed = made_by(without_overlap, split, owners_records(split, patients=False))
    assert guessed.parts == known.parts
    counts = {check.name: check.counts for check in guessed.checks}["published_lines"]
    assert counts["patients_guessed_from_names"] == 4500


@pytest.mark.parametrize("make", [as_published, without_overlap])
def test_contradictory_and_repeated_images_of_open_i_are_in_no_part(tmp_path: Path, make: Maker) -> None:
    parts = with_overlaps(published_named("open-i"))
    split = read_released(write_released(tmp_path / "open-i", parts))
    names = {Path(entry.path).name for entry in split.entries}
    records = [
        ImageRecord(f"iu/{n}", Path(f"/x/CXR{name.replace('.dcm', '')}"), "normal", {})
        for n, name in enumerate(sorted(names))
    ]
    made = made_by(make, split, records, attribute="")
    assert (len(made.train), len(made.validation), len(made.in_domain)) == (
        884 - 36 - 15 - 31,
        438 - 10 - 15 - 16,
        890 - 38 - 31 - 16,
    )
    assert made.shifted == ()
    assert overlaps_of(split).conflicting == 104
    lines = next(check for check in made.checks if check.name == "published_lines")
    assert lines.counts["conflicting_images"] == 104


def test_missing_images_are_counted_and_most_of_them_missing_is_refused() -> None:
    split = nih_sex()
    records = owners_records(split)
    joined = join(split, records[10:])
    assert len(joined.missing) == 10
    made = made_by(as_published, split, records[10:])
    lines = next(check for check in made.checks if check.name == "published_lines")
    assert (lines.passed, lines.counts["not_in_the_data"]) == (False, 10)
    with pytest.raises(ModelsError, match=r"of 3000 images of train of the published split NIH-sex are not"):
        made_by(as_published, split, records[1600:])
    with pytest.raises(ModelsError, match=r"none of the 4500 images .* come from NIH-CXR: add these"):
        join(split, [ImageRecord("x/1", Path("/x/1.png"), None, {})])


def test_two_records_of_one_name_are_refused() -> None:
    split = nih_sex()
    records = owners_records(split)
    twin = replace(records[0], id="small/1")
    with pytest.raises(ModelsError, match="answer to one name"):
        join(split, [*records, twin])


def test_other_classes_are_refused() -> None:
    split = nih_sex()
    with pytest.raises(ModelsError, match="has the classes Atelectasis, Effusion, not Effusion, Edema"):
        made_by(as_published, split, owners_records(split), classes=("Effusion", "Edema"))


def test_the_order_of_classes_is_that_of_the_configuration() -> None:
    split = nih_sex()
    made = made_by(as_published, split, owners_records(split), classes=("Effusion", "Atelectasis"))
    counts = Counter(made.targets(made.train).tolist())
    assert counts == {0: 1500, 1: 1500}
    assert made.classes == ("Effusion", "Atelectasis")


def test_images_of_an_unknown_folder_are_found_by_their_file_name(tmp_path: Path) -> None:
    parts: Parts = {
        part: {label: [f"odd/{part}/{label}{n}.PNG" for n in range(20)] for label in ("a", "b")}
        for part in ("train", "val", "test")
    }
    parts["val"] = {
        label: [path.replace("/a", "/va").replace("/b", "/vb") for path in paths]
        for label, paths in parts["val"].items()
    }
    parts["test"] = {
        label: [path.replace("/a", "/ta").replace("/b", "/tb") for path in paths]
        for label, paths in parts["test"].items()
    }
    split = read_released(write_released(tmp_path / "odd", parts))
    records = [
        ImageRecord(f"o/{n}", Path(f"/y/{Path(e.path).stem}.jpg"), None, {})
        for n, e in enumerate(split.entries)
    ]
    assert join(split, records).missing == ()


@pytest.mark.parametrize("folder", ["NIH-CXR", "CheXpert-v1.0", "pneumonia", "open-i", "PAD-UFES-20", "ISIC"])
def test_an_image_is_found_in_another_folder_with_another_suffix(tmp_path: Path, folder: str) -> None:
    labels = ("PNEUMONIA", "NORMAL")
    parts: Parts = {
        part: {label: [image_path(folder, label, 10 * n + m, 1)] for m, label in enumerate(labels)}
        for n, part in enumerate(("train", "val", "test"))
    }
    split = read_released(write_released(tmp_path / "s", parts))
    kept = {"CheXpert-v1.0": 4, "pneumonia": 3}.get(folder, 1)
    records = [
        ImageRecord(f"d/{n}", Path("/mirror", *Path(e.path).parts[-kept:]).with_suffix(".JPEG"), None, {})
        for n, e in enumerate(split.entries)
    ]
    assert [record.id for _, record in join(split, records).found] == [record.id for record in records]


def test_a_split_is_joined_with_the_copy_that_its_owner_hands_out(tmp_path: Path) -> None:
    parts: Parts = {
        part: {
            label: [image_path("NIH-CXR", label, 100 * place + 20 * m + n, 0) for n in range(12)]
            for m, label in enumerate(("Atelectasis", "Effusion"))
        }
        for place, part in enumerate(("train", "val", "test"))
    }
    split = read_released(write_released(tmp_path / "NIH-sex", parts))
    root = tmp_path / "owner"
    (root / "images_001" / "images").mkdir(parents=True)
    rows = ["Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"]
    for entry in split.entries:
        name, label = Path(entry.path).name, entry.label
        sex = "MF"[split.classes.index(label) ^ (entry.part == "test")]
        rows.append(f"{name},{label}|Edema,{int(name[:8])},50,{sex},PA")
        (root / "images_001" / "images" / name).write_bytes(b"")
    (root / "Data_Entry_2017_v2020.csv").write_text("\n".join(rows) + "\n")
    records = list(data_set_named("nih-chestxray14").read(root).records(root, name="nih"))
    made = made_by(without_overlap, split, records)
    assert [len(ids) for ids in made.parts.values()] == [24, 12, 12, 24]
    cells = next(check for check in made.checks if check.name == "cell_counts").counts
    assert cells["train/Atelectasis/M"] == cells["shifted/Atelectasis/F"] == 12
    assert made.patient["nih/00000003_000"] == "nih/3"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(20, 400))
def test_no_trace_of_a_later_part_stays_in_an_earlier_one(seed: int, people: int) -> None:
    random = Random(seed)
    owners = [random.randrange(people) for _ in range(240)]
    content = {f"d/{n}": str(random.randrange(600)) for n in range(240)}
    entries = tuple(
        Entry(part, random.choice("ab"), f"odd/{random.randrange(240)}.png")
        for part, size in (("train", 120), ("val", 60), ("test", 60))
        for _ in range(size)
    )
    records = [ImageRecord(f"d/{n}", Path(f"/{n}.png"), None, {}, f"p{who}") for n, who in enumerate(owners)]
    try:
        made = without_overlap(
            ReleasedSplit("s", ("a", "b"), entries),
            records,
            name="s",
            classes=("a", "b"),
            attribute="",
            seed=seed,
            digest=lambda record: content[record.id],
        )
    except ModelsError:
        event("refused")
        return
    listed: dict[str, set[str]] = {}
    for entry in entries:
        listed.setdefault(f"d/{Path(entry.path).stem}", set()).add(entry.label)
    once = {image: min(labels) for image, labels in listed.items() if len(labels) == 1}
    labels_of: dict[str, set[str]] = {}
    for image, label in once.items():
        labels_of.setdefault(content[image], set()).add(label)
    sure = {image for image in once if len(labels_of[content[image]]) == 1}
    tested = {f"d/{Path(e.path).stem}" for e in entries if e.part == "test"} & sure
    assert set(made.in_domain) <= tested
    assert {content[image] for image in made.in_domain} == {content[image] for image in tested}
    traces = [
        {content[image] for image in ids} | {f"p{owners[int(image[2:])]}" for image in ids}
        for ids in (made.train, made.validation, made.in_domain)
    ]
    assert not traces[0] & traces[1] | traces[0] & traces[2] | traces[1] & traces[2]
    assert all(made.label[image] in listed[image] and image in sure for image in made.ids)


def test_a_copy_that_no_file_lists_still_joins_two_patients() -> None:
    parts = {"train": 20, "val": 8, "test": 8}
    names = [
        (part, f"{part}{number}", "ab"[number % 2]) for part, size in parts.items() for number in range(size)
    ]
    split = ReleasedSplit(
        "s", ("a", "b"), tuple(Entry(part, label, f"x/{n}.png") for part, n, label in names)
    )
    records = [ImageRecord(f"d/{n}", Path(f"/x/{n}.png"), label, {}, f"P{n}") for _, n, label in names]
    copy = ImageRecord("d/copy", Path("/x/copy.png"), None, {}, "Ptest0")

    def digest(record: ImageRecord) -> str:
        return "train0" if record.id == "d/copy" else record.id.removeprefix("d/")

    options = {"attribute": "", "digest": digest}
    alone = made_by(without_overlap, split, records, **options)
    joined = made_by(without_overlap, split, [*records, copy], **options)
    assert set(alone.train) - set(joined.train) == {"d/train0"}
    assert joined.in_domain == alone.in_domain
    assert joined.patient["d/test0"] == "Ptest0"
