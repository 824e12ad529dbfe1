"""The three files of a published split: from class to image paths, and nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelsError
from models.splits.released.plain_pickle import read_plain_pickle

RELEASED_PARTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a published split.

    Attributes:
        part: `train`, `val` or `test`.
        label: Its class, as the file spells it.
        path: Of the image, relative to the folder of all data sets, with slashes.
    """

    part: str
    label: str
    path: str


@dataclass(frozen=True, slots=True)
class ReleasedSplit:
    """A split as published; an image may occur more than once, under one class or several.

    Attributes:
        name: That of its folder, e.g. `NIH-sex`.
        classes: In the order of the training file.
        entries: Of all parts in the order of the files.
    """

    name: str
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]

    def part(self, name: str) -> Iterator[Entry]:
        """The entries of one part."""
        return (entry for entry in self.entries if entry.part == name)


def read_released(folder: Path) -> ReleasedSplit:
    """The split whose `class2images_{train,val,test}.p` lie in a folder, or in its folder `splits`.

    Raises:
        ModelsError: A missing file, one that holds anything but classes with paths, classes that differ
            between the parts, an empty part, a path that leads out of the folder of the images.
    """
    within = folder / "splits" if (folder / "splits").is_dir() else folder
    files = {part: within / f"class2images_{part}.p" for part in RELEASED_PARTS}
    missing = [file.name for file in files.values() if not file.is_file()]
    if missing:
        raise ModelsError(f"{within} has no {', '.join(missing)}; give the folder of one published split")
    paths = {part: read_plain_pickle(file) for part, file in files.items()}
    require_classes(within, paths)
    require_inside(within, paths)
    entries = tuple(
        Entry(part, label, path) for part in paths for label, listed in paths[part].items() for path in listed
    )
    name = (within.parent if within.name == "splits" else within).resolve().name
    return ReleasedSplit(name, tuple(paths["train"]), entries)


def require_classes(folder: Path, paths: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Refuse parts of different classes, and a class that a part lists without an image."""
    classes = set(paths["train"])
    for part, listed in paths.items():
        if set(listed) != classes or len(classes) < 2:
            there = ", ".join(f"{name} has {', '.join(paths[name]) or 'no class'}" for name in paths)
            message = f"the parts of {folder} do not have the same two or more classes ({there})"
            raise ModelsError(f"{message}; use the files of one split")
        if empty := [label for label, images in listed.items() if not images]:
            message = f"class2images_{part}.p in {folder} lists no image of {', '.join(empty)}"
            raise ModelsError(f"{message}; use the file as it was released")


def require_inside(folder: Path, paths: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Refuse a path that no relative path of an image is."""
    for part, listed in paths.items():
        for path in (path for images in listed.values() for path in images):
            if not path or path[0] == "/" or "\\" in path or "\0" in path or ".." in path.split("/"):
                message = f"class2images_{part}.p in {folder} names the image {path[:80]!r}"
                raise ModelsError(f"{message}, which is no relative path; use the file as it was released")
