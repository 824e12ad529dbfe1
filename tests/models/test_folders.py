from pathlib import Path

import pytest

from models.datasets.folders import read_folders
from models.errors import ModelsError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_the_folder_is_the_class(tmp_path: Path) -> None:
    touch(tmp_path, "benign/b.PNG", "benign/deep/a.jpg", "malignant/c.jpeg")
    touch(tmp_path, "benign/notes.txt", ".git/x.png", "malignant/.thumbs/t.png", "loose.png")
    records = read_folders(tmp_path, name="mine")
    assert [(record.id, record.label) for record in records] == [
        ("mine/benign/b.PNG", "benign"),
        ("mine/benign/deep/a.jpg", "benign"),
        ("mine/malignant/c.jpeg", "malignant"),
    ]
    assert all(record.path.is_file() for record in records)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="no folder"):
        read_folders(tmp_path / "gone", name="x")


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    with pytest.raises(ModelsError, match="has no folders in it"):
        read_folders(tmp_path, name="x")


def test_a_class_without_images_says_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path, "benign/a.png", "malignant/a.bmp", "malignant/b.gif")
    with pytest.raises(
        ModelsError, match=r"malignant has no PNG, JPEG, TIFF or DICOM file, only \.bmp, \.gif"
    ):
        read_folders(tmp_path, name="x")
