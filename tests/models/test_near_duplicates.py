from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from models.features.table import FeatureTable
from models.images import ImageRecord
from models.splits.checks import Listing, Placed
from models.splits.checks.near import NearPair, near_duplicate_images, near_duplicates
from models.splits.checks.near.neighbours import nearest_pairs
from models.splits.checks.near.thumbnails import Thumbnails

SIDE = 160


def scene(number: int) -> Image.Image:
    """Smooth shapes on one common background, so that all scenes look alike from afar."""
    generator = np.random.default_rng(number)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    values = 90 + 60 * np.cos(3 * x) * np.sin(2 * y + 1)
    for _ in range(60):
        a, b, width = generator.uniform(0, 1), generator.uniform(0, 1), generator.uniform(0.01, 0.06)
        values += generator.uniform(-40, 40) * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * width**2))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def encoded_again(image: Image.Image) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(BytesIO(buffer.getvalue()))


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg": encoded_again,
    "resized": lambda image: image.resize((110, 110)),
    "cropped": lambda image: image.crop((8, 6, image.width - 6, image.height - 8)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
}


def records_in(folder: Path, images: dict[str, Image.Image]) -> list[ImageRecord]:
    records = []
    for name, image in images.items():
        image.save(folder / f"{name}.png")
        records.append(ImageRecord(name, folder / f"{name}.png", "ill", {}, None))
    return records


def features_of(records: list[ImageRecord]) -> FeatureTable:
    """Coarse grey values: a plain stand-in for a network, in which all scenes are near each other."""
    small = [
        np.asarray(Image.open(r.path).convert("L").resize((12, 12), Image.Resampling.BOX)) for r in records
    ]
    values = np.stack([each.ravel() for each in small]).astype(np.float32)
    return FeatureTable(tuple(r.id for r in records), tuple(map(str, range(144))), values)


def test_every_planted_copy_is_found_and_none_is_invented(tmp_path: Path) -> None:
    images = {f"scene{n}": scene(n) for n in range(12)}
    planted = {
        (f"scene{n}", f"{kind}{n}"): VARIANTS[kind](images[f"scene{n}"]) for n, kind in enumerate(VARIANTS)
    }
    records = records_in(tmp_path, images | {name: image for (_, name), image in planted.items()})
    contents = {record.id: record.id for record in records}
    pairs = near_duplicates(features_of(records), records, contents=contents)
    assert {frozenset((pair.first, pair.second)) for pair in pairs} == set(map(frozenset, planted))


@pytest.mark.real
def test_copies_of_real_images_are_found_and_none_is_invented(tmp_path: Path, shared_data: Path) -> None:
    for folder in ("xray/guangzhou", "skin/ham10000"):
        files = sorted((shared_data / folder).rglob("*.jpg"))[::60][:10]
        images = {file.stem: Image.open(file).convert("RGB") for file in files}
        planted = {
            (file.stem, f"{kind}-{file.stem}"): make(images[file.stem])
            for file, (kind, make) in zip(files, VARIANTS.items(), strict=False)
        }
        inside = tmp_path / folder
        inside.mkdir(parents=True)
        records = records_in(inside, images | {name: image for (_, name), image in planted.items()})
        contents = {record.id: record.id for record in records}
        pairs = near_duplicates(features_of(records), records, contents=contents)
        assert {frozenset((pair.first, pair.second)) for pair in pairs} == set(map(frozenset, planted))


def test_equal_files_are_left_to_the_check_of_contents(tmp_path: Path) -> None:
    records = records_in(tmp_path, {"a": scene(1), "b": scene(1), "c": scene(2), "d": scene(3)})
    contents = {"a": "same", "b": "same", "c": "c", "d": "d"}
    assert near_duplicates(features_of(records), records, contents=contents) == ()


def test_no_file_is_decoded_twice_however_many_are_asked_for(tmp_path: Path) -> None:
    files = [record.path for record in records_in(tmp_path, {"a": scene(1), "b": scene(2)})]
    absent = [tmp_path / f"absent{n}.png" for n in range(5000)]
    with TemporaryFile() as store:
        thumbnails = Thumbnails(store)
        before = thumbnails.of(files)
        assert thumbnails.of(absent) == {}
        for file in files:
            file.unlink()
        after = thumbnails.of([*absent, *reversed(files)])
    assert list(after) == list(reversed(files))
    for file, number in zip(files, (1, 2), strict=True):
        small = np.asarray(scene(number).resize((128, 128), Image.Resampling.BOX))
        assert np.array_equal(before[file], small)
        assert np.array_equal(after[file], small)


def test_neighbours_are_those_of_brute_force() -> None:
    values = np.random.default_rng(0).normal(size=(60, 9)).astype(np.float32) + 5
    rows = np.arange(0, 60, 2)
    centred = values[rows] - values.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    cosine = centred @ centred.T - 3 * np.eye(30)
    expected = {tuple(sorted((i, int(j)))) for i in range(30) for j in np.argsort(-cosine[i])[:5]}
    assert {tuple(pair) for pair in nearest_pairs(values, rows).tolist()} == expected


@pytest.mark.parametrize("size", [0, 1, 2])
def test_few_images_have_few_neighbours(size: int) -> None:
    values = np.ones((4, 3), dtype=np.float32)
    assert len(nearest_pairs(values, np.arange(size))) == size // 2


def test_a_pair_is_counted_where_its_images_lie() -> None:
    placed = [("a", "train", "ill"), ("b", "shifted", "well"), ("c", "train", "ill"), ("d", "train", "ill")]
    images = tuple(Placed(part, ImageRecord(i, Path("x"), label, {}, None), i) for i, part, label in placed)
    listing = Listing("s", ("ill", "well"), "", ("train", "shifted"), images)
    pairs = [NearPair("a", "b", 0.99), NearPair("c", "d", 0.9), NearPair("a", "elsewhere", 0.95)]
    finding = near_duplicate_images(listing, pairs)
    assert (finding.severity, finding.images) == ("warning", ("a", "b", "c", "d"))
    assert finding.counts == {
        "across_parts": 1,
        "within_a_part": 1,
        "of_different_labels": 1,
        "of_one_patient_in_a_part": 0,
        "train/shifted": 1,
        "within train": 1,
    }
    assert near_duplicate_images(listing, []).severity == "passed"


def test_two_images_of_one_patient_in_one_part_are_expected_to_look_alike() -> None:
    placed = [("a", "train", "p"), ("b", "train", "p"), ("c", "shifted", "p"), ("d", "train", None)]
    images = tuple(
        Placed(part, ImageRecord(i, Path("x"), "ill", {}, patient), i) for i, part, patient in placed
    )
    listing = Listing("s", ("ill", "well"), "", ("train", "shifted"), images)
    expected = near_duplicate_images(listing, [NearPair("a", "b", 0.99)])
    assert (expected.severity, expected.counts["of_one_patient_in_a_part"]) == ("passed", 1)
    for other in ("c", "d"):
        assert near_duplicate_images(listing, [NearPair("a", other, 0.99)]).severity == "warning"
