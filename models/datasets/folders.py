"""Reads a data set laid out as one folder of images for each class."""

from pathlib import Path

from models.errors import ModelsError
from models.images import SUFFIXES, ImageRecord


def read_folders(path: Path, *, name: str) -> list[ImageRecord]:
    """The PNG, JPEG, TIFF and DICOM files below each class folder, sorted; its name is the class.

    Hidden files and folders are passed over. Nothing is known of the patients.

    Raises:
        ModelsError: No such folder, no class folder in it, or a class folder without images.
    """
    if not path.is_dir():
        raise ModelsError(f"there is no folder {path}; check the path")
    classes = sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != ".")
    if not classes:
        raise ModelsError(f"{path} has no folders in it; make one for each class and put its images there")
    return [
        ImageRecord(f"{name}/{image.relative_to(path).as_posix()}", image, folder.name, {})
        for folder in classes
        for image in images_below(folder)
    ]


def images_below(folder: Path) -> list[Path]:
    """Image files of one class at any depth, sorted."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not hidden(file, folder)]
    images = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not images:
        others = ", ".join(sorted({file.suffix or file.name for file in files})[:5]) or "nothing"
        message = (
            f"{folder} has no PNG, JPEG, TIFF or DICOM file, only {others}; add images or remove the folder"
        )
        raise ModelsError(message)
    return images


def hidden(file: Path, folder: Path) -> bool:
    """Whether a name on the way starts with a dot."""
    return any(part[0] == "." for part in file.relative_to(folder).parts)
