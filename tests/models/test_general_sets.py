import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.datasets.library import ImageColumns, data_set_named
from models.datasets.library.columns import joined
from models.datasets.library.general.npz_rows import BLOCK, array_rows
from models.datasets.library.holding import holding_of
from models.datasets.library.layout import images_by_path, images_by_stem
from models.datasets.library.manifest_file import write_manifest
from models.datasets.library.text_files import TextFiles
from models.datasets.manifest import ManifestColumns, read_manifest
from models.errors import ModelsError

MEDMNIST, FOLDER = data_set_named("medmnist"), data_set_named("image-folder")


def pixels(seed: int, shape: tuple[int, ...] = (6, 6)) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save_archive(path: Path, labels: dict[str, Sequence[Sequence[int]]], shape: tuple[int, ...]) -> None:
    arrays: dict[str, Any] = {}
    for part, rows in labels.items():
        arrays[f"{part}_labels"] = np.array(rows, dtype=np.uint8)
        arrays[f"{part}_images"] = np.stack([pixels(n, shape) for n in range(len(rows))])
    np.savez_compressed(path, **arrays)


def unpack(source: Path, target: Path) -> Path:
    assert MEDMNIST.unpack is not None
    return MEDMNIST.unpack(source, target, None)


@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 3)])
def test_an_archive_becomes_png_files_with_the_same_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    save_archive(tmp_path / "dermamnist_64.npz", {"train": [[4], [5]], "val": [[0]], "test": [[4]]}, shape)
    root = unpack(tmp_path, tmp_path / "out")
    columns = MEDMNIST.read(root)
    actinic = "actinic keratoses and intraepithelial carcinoma"
    assert list(columns.label) == ["melanoma", "melanocytic nevi", actinic, "melanoma"]
    assert list(columns.attributes["official_split"]) == ["train", "train", "val", "test"]
    assert set(columns.attributes["modality"]) == {"dermoscopy"}
    with Image.open(root / columns.image[1]) as image:
        assert np.array_equal(np.asarray(image), pixels(1, shape))


def test_several_labels_of_an_archive_become_findings(tmp_path: Path) -> None:
    rows = [[0] * 14, [1, *[0] * 13], [1, 0, 1, *[0] * 11]]
    save_archive(tmp_path / "chestmnist.npz", {"train": rows}, (6, 6))
    columns = MEDMNIST.read(unpack(tmp_path / "chestmnist.npz", tmp_path / "out"))
    assert list(columns.label) == ["no finding", "atelectasis", ""]
    assert list(columns.findings["effusion"]) == ["0", "0", "1"]
    assert len(columns.findings) == 14


def test_unpacking_again_gives_the_same_bytes_and_tells_progress(tmp_path: Path) -> None:
    save_archive(tmp_path / "pneumoniamnist.npz", {"train": [[0], [1], [1]]}, (6, 6))
    assert MEDMNIST.unpack is not None
    told: list[tuple[int, int]] = []
    MEDMNIST.unpack(tmp_path, tmp_path / "out", lambda done, total: told.append((done, total)))
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    MEDMNIST.unpack(tmp_path, tmp_path / "out", None)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_another_archive_unpacked_into_the_same_folder_keeps_its_own_pixels(tmp_path: Path) -> None:
    archive = tmp_path / "pneumoniamnist.npz"
    for first in (0, 10):
        rows = np.stack([pixels(first + n) for n in range(2)])
        np.savez(archive, train_images=rows, train_labels=np.array([[0], [1]]))
        root = unpack(archive, tmp_path / "out")
        for name, wanted in zip(MEDMNIST.read(root).image, rows, strict=True):
            with Image.open(root / name) as image:
                assert np.array_equal(np.asarray(image), wanted)


IMAGES, LABELS = np.zeros((2, 4, 4), np.uint8), np.array([[0], [1]])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "has no array train_images"),
        ({"train_images": IMAGES}, "no readable array train_labels"),
        ({"train_labels": LABELS}, "no readable array train_images"),
        ({"train_images": IMAGES, "train_labels": LABELS + 1}, "row 1 of train_labels .* outside 0 to 1"),
        ({"train_images": IMAGES, "train_labels": LABELS - 1}, "row 0 of train_labels .* outside 0 to 1"),
        (
            {"train_images": IMAGES, "train_labels": LABELS[:1]},
            r"shape \(1, 1\), not integers of shape \(2, 1\)",
        ),
        (
            {"train_images": IMAGES[:1], "train_labels": LABELS},
            r"shape \(2, 1\), not integers of shape \(1, 1\)",
        ),
        ({"train_images": IMAGES, "train_labels": LABELS / 2}, "are float64 of shape"),
        (
            {"train_images": np.zeros((2, 4, 4, 8), np.uint8), "train_labels": LABELS},
            r"\(2, 4, 4, 8\), not uint8",
        ),
        ({"train_images": IMAGES.astype(float), "train_labels": LABELS}, "are float64 of shape"),
    ],
)
def test_an_archive_whose_arrays_do_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, NDArray[np.generic]], message: str
) -> None:
    np.savez(tmp_path / "pneumoniamnist.npz", **arrays)  # type: ignore[arg-type]  # arrays by name
    with pytest.raises(ModelsError, match=message):
        unpack(tmp_path, tmp_path / "out")


def test_an_array_read_in_blocks_is_the_whole_array(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).integers(0, 256, (2 * BLOCK + 3, 2, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=whole)
    assert np.array_equal(np.stack(list(array_rows(tmp_path / "a.npz", "x"))), whole)


def test_archives_that_are_unusable_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="gives none of the MedMNIST archives"):
        unpack(tmp_path, tmp_path / "out")
    with pytest.raises(ModelsError, match=r"holds no MedMNIST archive; put one there, such as \w+\.npz"):
        MEDMNIST.read(tmp_path)
    (tmp_path / "bloodmnist.npz").write_bytes(b"PK torn")
    with pytest.raises(ModelsError, match=r"bloodmnist\.npz is no \.npz archive"):
        unpack(tmp_path, tmp_path / "out")
    np.savez(tmp_path / "octmnist.npz", train_labels=np.array([{}], dtype=object), train_images=pixels(0))
    with pytest.raises(ModelsError, match=r"gives bloodmnist\.npz, octmnist\.npz"):
        unpack(tmp_path, tmp_path / "out")
    with pytest.raises(ModelsError, match="another form"):
        unpack(tmp_path / "octmnist.npz", tmp_path / "out")
    with pytest.raises(ModelsError, match="packed images; unpack them with: knobo data prepare medmnist"):
        MEDMNIST.read(tmp_path)


def png(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed)).save(path)


def test_class_folders_give_label_and_split(tmp_path: Path) -> None:
    for name in ("train/cat/1.png", "train/dog/2.png", "validation/cat/3.png"):
        png(tmp_path / name)
    columns = FOLDER.read(tmp_path)
    assert list(columns.label) == ["cat", "dog", "cat"]
    assert list(columns.attributes["official_split"]) == ["train", "train", "val"]


def test_class_folders_without_splits_give_the_label(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/2.png"):
        png(tmp_path / name)
    assert list(FOLDER.read(tmp_path).label) == ["cat", "dog"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_metadata_table_in_each_split_is_read_with_its_columns(tmp_path: Path, suffix: str) -> None:
    png(tmp_path / "train/a.png")
    png(tmp_path / "test/b.png")
    rows = {
        "train": {"file_name": "a.png", "label": "x", "patient_id": "7", "text": "Seen.", "sex": "F"},
        "test": {"file_name": "b.png", "label": "y", "patient_id": "", "text": "", "site": "B"},
    }
    for split, row in rows.items():
        path = tmp_path / split / f"metadata{suffix}"
        if suffix == ".csv":
            path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
        elif suffix == ".jsonl":
            path.write_text(json.dumps({**row, "box": [1, 2]}) + "\n")
        else:
            pq.write_table(pa.table({name: [cell] for name, cell in row.items()}), path)
    columns = FOLDER.read(tmp_path)
    assert list(columns.image) == ["test/b.png", "train/a.png"]
    assert (list(columns.label), list(columns.patient)) == (["y", "x"], ["", "7"])
    assert list(columns.report) == ["", "Seen."]
    assert {name: list(column) for name, column in columns.attributes.items()} == {
        "official_split": ["test", "train"],
        "site": ["B", ""],
        "sex": ["", "F"],
    }


def test_images_inside_parquet_are_unpacked_byte_for_byte(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels(3)).save(buffer, format="PNG")
    features = {"info": {"features": {"label": {"names": ["benign", "malignant"], "_type": "ClassLabel"}}}}
    table = pa.table(
        {
            "image": [{"bytes": buffer.getvalue(), "path": f"{n}.png"} for n in range(3)],
            "label": [1, 0, -1],
            "age": [70.0, None, 31.0],
        }
    ).replace_schema_metadata({"huggingface": json.dumps(features)})
    (tmp_path / "hub/data").mkdir(parents=True)
    pq.write_table(table, tmp_path / "hub/data/train-00000-of-00001.parquet")
    with pytest.raises(ModelsError, match="packed images"):
        FOLDER.read(tmp_path / "hub")
    assert FOLDER.unpack is not None
    root = FOLDER.unpack(tmp_path / "hub", tmp_path / "out", None)
    columns = FOLDER.read(root)
    assert list(columns.label) == ["malignant", "benign", ""]
    assert list(columns.attributes["age"]) == ["70", "", "31"]
    assert (root / columns.image[0]).read_bytes() == buffer.getvalue()
    assert set(columns.attributes["official_split"]) == {"train"}


def test_parquet_files_of_one_name_in_two_folders_keep_their_own_images(tmp_path: Path) -> None:
    wanted = []
    for n, folder in enumerate(("a", "b")):
        buffer = io.BytesIO()
        Image.fromarray(pixels(n)).save(buffer, format="PNG")
        wanted.append(buffer.getvalue())
        (tmp_path / "hub" / folder).mkdir(parents=True)
        rows = {"image": [{"bytes": wanted[n], "path": ""}], "label": [folder], "file_name": ["theirs.png"]}
        pq.write_table(pa.table(rows), tmp_path / f"hub/{folder}/train-00000.parquet")
    assert FOLDER.unpack is not None
    root = FOLDER.unpack(tmp_path / "hub", tmp_path / "out", None)
    columns = FOLDER.read(root)
    assert list(columns.label) == ["a", "b"]
    assert [(root / name).read_bytes() for name in columns.image] == wanted


def test_a_folder_of_files_needs_no_unpacking(tmp_path: Path) -> None:
    png(tmp_path / "in/cat/1.png")
    assert FOLDER.unpack is not None
    assert FOLDER.unpack(tmp_path / "in", tmp_path / "out", None) == tmp_path / "in"
    assert not (tmp_path / "out").exists()


def test_a_folder_without_anything_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="neither a metadata table nor images in class folders"):
        FOLDER.read(tmp_path)
    (tmp_path / "metadata.csv").write_text("path,label\na.png,x\n")
    with pytest.raises(ModelsError, match=r"no column file_name; its columns are path, label"):
        FOLDER.read(tmp_path)
    (tmp_path / "metadata.csv").unlink()
    (tmp_path / "metadata.jsonl").write_text("{torn\n")
    with pytest.raises(ModelsError, match=r"line 1 of .* is no JSON; mend"):
        FOLDER.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "metadata.jsonl",
            b'{"file_name": "a.png"}\n\n{"file_name": "b.png}\n',
            "line 3 of .* is no JSON; mend",
        ),
        ("metadata.jsonl", b'{"file_name": "a.png"}\n[1, 2]\n', "line 2 of .* is no JSON object"),
        ("metadata.jsonl", b'{"file_name": "\xe9.png"}\n', "is not UTF-8"),
        ("metadata.csv", b"file_name,\xe9\na.png,1\n", "is not UTF-8"),
        ("metadata.parquet", b"PAR1 torn", r"metadata\.parquet cannot be read"),
        ("train.parquet", b"PAR1 torn", r"train\.parquet cannot be read"),
    ],
)
def test_a_damaged_table_is_named_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelsError, match=message):
        FOLDER.read(tmp_path)


def test_an_id_in_the_metadata_does_not_take_the_place_of_the_path(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        png(tmp_path / name)
    (tmp_path / "metadata.csv").write_text("file_name,id,image,label\na.png,1,x,y\nb.png,1,x,y\n")
    columns = FOLDER.read(tmp_path)
    assert (list(columns.by_name()["id"]), list(columns.by_name()["image"])) == (
        ["a", "b"],
        ["a.png", "b.png"],
    )
    assert list(columns.attributes["metadata_id"]) == ["1", "1"]


def test_a_link_back_into_the_copy_does_not_multiply_it(tmp_path: Path) -> None:
    png(tmp_path / "in/cat/1.png")
    png(tmp_path / "elsewhere/2.png")
    (tmp_path / "in/out").mkdir()
    (tmp_path / "in/out/files").symlink_to(tmp_path / "in", target_is_directory=True)
    (tmp_path / "in/dog").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert images_by_path(tmp_path / "in") == ["cat/1.png", "dog/2.png"]


def test_of_two_files_of_one_stem_the_path_that_sorts_first_counts(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.jpg", "c/1.png"):
        png(tmp_path / name)
    assert images_by_stem(tmp_path) == {"1": "a/1.png"}


def example(root: Path) -> ImageColumns:
    png(root / "a.png")
    png(root / "deep/b.png")
    (root / "a.txt").write_text("Heart, large.\nLungs clear.")
    return ImageColumns(
        image=["a.png", "deep/b.png", ""],
        id=["1", "2", "3"],
        label=["x", "", "y"],
        patient=["p1", "", "p3"],
        report=TextFiles([root / "a.txt", root / "gone.txt", None]),
        findings={"Edema": ["1", "", "0"]},
        attributes={"sex": ["F", "", "M"]},
    )


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_written_manifest_reads_back_as_the_records_of_the_columns(tmp_path: Path, suffix: str) -> None:
    columns = example(tmp_path).at_hand()
    write_manifest(tmp_path / f"m{suffix}", columns)
    names = ManifestColumns(
        id="id", label="label", patient="patient", report=("report",), attributes=("sex", "Edema")
    )
    assert read_manifest(tmp_path / f"m{suffix}", name="s", columns=names) == list(
        columns.records(tmp_path, name="s")
    )


def test_a_manifest_needs_images_and_a_known_suffix(tmp_path: Path) -> None:
    columns = example(tmp_path)
    with pytest.raises(ModelsError, match=r"neither \.parquet nor \.csv"):
        write_manifest(tmp_path / "m.xlsx", columns)
    with pytest.raises(ModelsError, match="no image of the data set is at hand"):
        write_manifest(tmp_path / "m.csv", columns.rows([2]).at_hand())


def test_rows_and_joined_tables_are_those_of_plain_lists(tmp_path: Path) -> None:
    columns = example(tmp_path)
    turned = columns.rows([2, 0])
    assert (turned.id, turned.findings["Edema"], list(turned.report)) == (
        ["3", "1"],
        ["0", "1"],
        ["", "Heart, large.\nLungs clear."],
    )
    both = joined([columns, turned])
    assert list(both.id) == ["1", "2", "3", "3", "1"]
    assert list(both.attributes["sex"]) == ["F", "", "M", "M", "F"]


def test_a_copy_is_counted_without_naming_anyone() -> None:
    several = ImageColumns(
        image=[*["a.png"] * 6, ""],
        id=[*"123455", "6"],
        label=["x", "x", "y", "", "", "", "x"],
        patient=["p1", "p1", "p2", "", "", "p3", "p4"],
        attributes={
            "sex": ["F", "F", "M", "M", "", "F", "F"],
            "study": [f"s{n}" for n in range(7)],
        },
        findings={"Edema": ["1", "0", "0", "", "0", "0", "1"]},
    )
    held = holding_of(MEDMNIST.facts, several)
    assert (held.listed, held.at_hand, held.patients, held.without_patient) == (7, 6, 3, 2)
    assert held.repeated_ids == 1
    assert held.label is not None
    assert [(each.value, each.images) for each in held.label.values] == [("x", 2), ("y", 1)]
    assert held.label.unknown == 3
    sex, study = held.attributes
    assert [(each.value, each.images) for each in sex.values] == [("F", 3), ("M", 2)]
    assert (study.values, study.distinct) == ((), 6)
    assert [(each.value, each.images) for each in held.findings[0].values] == [("0", 4), ("1", 1)]
