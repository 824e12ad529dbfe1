from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from released_files import Parts, with_overlaps, write_released

from models.errors import ModelsError
from models.splits.released import PUBLISHED, Published, compare, overlaps_of, published_named, read_released
from models.splits.released.sources import named_image

PARTS = ("train", "val", "test")
PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))
SMALL = {"a": ["NIH-CXR/1.png", "NIH-CXR/2.png"], "b": ["NIH-CXR/3.png"]}
TABLE_7_AND_8 = {  # of the paper: train, val, test
    "NIH-sex": (3000, 500, 1000),
    "NIH-age": (3000, 500, 500),
    "NIH-pos": (3000, 300, 300),
    "CheXpert-race": (4000, 500, 500),
    "NIH-CheXpert": (5000, 1000, 1000),
    "pneumonia": (5216, 16, 624),
    "COVID-QU": (16930, 2115, 2114),
    "NIH-CXR": (8066, 1140, 2317),
    "open-i": (884, 438, 890),
    "vindr-cxr": (1400, 175, 175),
    "ISIC-sex": (2400, 300, 300),
    "ISIC-age": (2800, 300, 300),
    "ISIC-site": (2000, 600, 600),
    "ISIC-color": (1800, 260, 260),
    "ISIC-hospital": (2400, 280, 280),
    "HAM10000": (8010, 1000, 1005),
    "BCN20000": (4800, 800, 800),
    "PAD-UFES-20": (1602, 200, 200),
    "Melanoma": (8605, 1000, 1000),
    "UWaterloo": (166, 20, 20),
}


def patient_by_hand(path: str) -> str | None:
    """The patient by cutting the name up, without the patterns that are under test."""
    folder, name = Path(path).parts[0], Path(path).name
    if folder in {"NIH-CXR", "open-i"}:
        return name.split("_")[0]
    if folder == "CheXpert-v1.0":
        return path.split("/")[2]
    if folder == "PAD-UFES-20":
        return name.split("_")[1]
    return name.split("_")[0] if name.startswith("person") else None


def overlaps_by_hand(parts: Parts) -> dict[str, object]:
    """The same counts with sets and loops."""
    entries = {part: [path for paths in listed.values() for path in paths] for part, listed in parts.items()}
    patients = {part: {patient_by_hand(path) for path in paths} - {None} for part, paths in entries.items()}
    labels: dict[str, set[str]] = {}
    for listed in parts.values():
        for label, paths in listed.items():
            for path in paths:
                labels.setdefault(path, set()).add(label)
    return {
        "images": {part: len(paths) for part, paths in entries.items()},
        "patients": {
            f"{one}/{two}": sum(patient_by_hand(path) in patients[one] for path in entries[two])
            for one, two in PAIRS
        },
        "shared": {f"{one}/{two}": len(set(entries[one]) & set(entries[two])) for one, two in PAIRS},
        "within": {part: len(paths) - len(set(paths)) for part, paths in entries.items()},
        "conflicting": sum(len(names) > 1 for names in labels.values()),
    }


COUNTED = [each for each in PUBLISHED if each.test_in_train is not None or each.name == "UWaterloo"]


@pytest.mark.parametrize("published", COUNTED, ids=lambda published: published.name)
def test_the_checker_counts_the_overlaps_with_which_files_were_made(
    tmp_path: Path, published: Published
) -> None:
    parts = with_overlaps(published)
    split = read_released(write_released(tmp_path / published.name, parts))
    found = overlaps_of(split)
    assert split.name == published.name
    assert tuple(found.images.values()) == published.totals
    counts = Counter((entry.label, entry.part) for entry in split.entries)
    assert {
        label: tuple(counts[label, part] for part in parts) for label in split.classes
    } == published.counts
    assert published.test_in_train in {None, found.patients["train/test"]}
    assert published.val_in_train in {None, found.patients["train/val"]}
    assert published.shared in {None, tuple(found.shared.values())}
    assert published.within in {None, tuple(found.within.values())}
    assert published.conflicting in {None, found.conflicting}
    by_hand = overlaps_by_hand(parts)
    assert {name: getattr(found, name) for name in by_hand} == by_hand


def test_the_published_counts_are_those_of_the_paper_but_where_it_says_otherwise() -> None:
    assert [published.name for published in PUBLISHED] == list(TABLE_7_AND_8)
    for published in PUBLISHED:
        assert (published.printed or published.totals) == TABLE_7_AND_8[published.name]


def test_duplicates_account_for_every_conflict_of_open_i() -> None:
    published = published_named("Open-I")
    assert sum(published.shared or ()) + sum(published.within or ()) == published.conflicting == 104


def test_patients_come_from_a_table_where_there_is_one(tmp_path: Path) -> None:
    parts = {part: {"benign": [f"ISIC/images/ISIC_{part}{n}.jpg" for n in range(3)]} for part in PARTS}
    for part, listed in parts.items():
        listed["malignant"] = [f"ISIC/images/ISIC_9{part}.jpg"]
    split = read_released(write_released(tmp_path / "s", parts))
    assert overlaps_of(split).patients_unknown == 12
    found = overlaps_of(split, patient_of=lambda path: path[-5])
    assert found.patients == {"train/val": 3, "train/test": 3, "val/test": 3}


@pytest.mark.parametrize(
    ("path", "image", "patient"),
    [
        ("NIH-CXR/images_002/images/00001906_004.png", "nih-cxr/00001906_004", "NIH-CXR/00001906"),
        (
            "CheXpert-v1.0/train/patient10900/study25/view1_frontal.jpg",
            "chexpert-v1.0/train/patient10900/study25/view1_frontal",
            "CheXpert-v1.0/patient10900",
        ),
        (
            "pneumonia/images/test/PNEUMONIA/person112_bacteria_538.jpeg",
            "pneumonia/test/pneumonia/person112_bacteria_538",
            "pneumonia/person112",
        ),
        ("pneumonia/images/test/NORMAL/IM-0001-0001.jpeg", "pneumonia/test/normal/im-0001-0001", None),
        ("COVID-QU/images/COVID-3330.png", "covid-qu/covid-3330", None),
        ("open-i/images/1907_IM-0589-1001.dcm.png", "open-i/1907_im-0589-1001", "open-i/1907"),
        (
            "vindr-cxr/images/e1eb9553f694d0eba82535625d70186c.png",
            "vindr-cxr/e1eb9553f694d0eba82535625d70186c",
            None,
        ),
        ("ISIC/images/ISIC_0060248.JPG", "isic/isic_0060248", None),
        ("HAM10000/images/ISIC_0033762.jpg", "ham10000/isic_0033762", None),
        (
            "PAD-UFES-20/images/PAT_1850_3631_519.png",
            "pad-ufes-20/pat_1850_3631_519",
            "PAD-UFES-20/pat_1850",
        ),
        ("Melanoma/test/benign/melanoma_9999.jpg", "melanoma/test/benign/melanoma_9999", None),
        ("UWaterloo/notmelanoma/dermquest/D39_orig.jpg", "uwaterloo/notmelanoma/dermquest/d39_orig", None),
        ("elsewhere/A.png", "elsewhere/a", None),
    ],
)
def test_the_example_paths_of_the_authors_are_understood(path: str, image: str, patient: str | None) -> None:
    named = named_image(path)
    assert (named.image, named.patient) == (image, patient)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val": {"a": ["x/1.png"]}}, "do not have the same two or more classes"),
        ({"val": {"a": ["x/1.png"], "b": []}}, "class2images_val.p in .* lists no image of b"),
        ({"test": {"a": ["x/1.png"], "b": ["../1.png"]}}, "names the image '../1.png', which is no relative"),
        ({"test": {"a": ["/x/1.png"], "b": ["x/1.png"]}}, "names the image '/x/1.png'"),
        ({"test": {"a": ["x\\1.png"], "b": ["x/1.png"]}}, "which is no relative path"),
        ({"test": {"a": [""], "b": ["x/1.png"]}}, "names the image ''"),
        ({part: {} for part in PARTS}, "do not have the same two or more classes"),
    ],
)
def test_files_that_are_no_split_are_refused(tmp_path: Path, change: Parts, message: str) -> None:
    folder = write_released(tmp_path / "s", dict.fromkeys(PARTS, SMALL) | change)
    with pytest.raises(ModelsError, match=message):
        read_released(folder)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"has no class2images_val\.p, class2images_test\.p"):
        read_released(write_released(tmp_path / "s", {"train": SMALL}))


def test_a_folder_without_splits_below_it_may_be_given(tmp_path: Path) -> None:
    folder = write_released(tmp_path / "s", dict.fromkeys(PARTS, SMALL))
    assert read_released(folder / "splits") == read_released(folder)


def test_files_are_compared_with_what_was_published(tmp_path: Path) -> None:
    parts = with_overlaps(published_named("open-i"))
    rows = compare(read_released(write_released(tmp_path / "Open-i", parts)))
    assert not [row.what for row in rows if row.differs]
    assert sum(row.published is not None for row in rows) == 9 + 1 + 3 + 3 + 1
    parts["test"]["Normal"].pop()
    changed = compare(read_released(write_released(tmp_path / "less" / "open-i", parts)))
    assert [(row.what, row.found) for row in changed if row.differs] == [("test entries of Normal", 508)]
    unknown = compare(read_released(write_released(tmp_path / "mine", parts)))
    assert {row.published for row in unknown} == {None}


def test_every_published_name_is_known_once() -> None:
    assert not [(one, two) for one, two in combinations(PUBLISHED, 2) if one.name == two.name]
    with pytest.raises(ModelsError, match="no split named NIH was published with KnoBo; there are NIH-sex"):
        published_named("NIH")
