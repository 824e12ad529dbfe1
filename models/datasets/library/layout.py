"""Finds the files of a distributed data set below the folder that a user names."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.datasets.tables import DELIMITERS, open_text
from models.errors import ModelsError
from models.images import SUFFIXES


def require_file(root: Path, names: Sequence[str]) -> Path:
    """The first of some files below a folder that is there, since releases rename their tables.

    Raises:
        ModelsError: None is there; the message shows what is.
    """
    for name in names:
        if (root / name).is_file():
            return root / name
    if not root.is_dir():
        raise ModelsError(f"there is no folder {root}; give the folder that holds {names[0]}")
    there = sorted(entry.name for entry in root.iterdir())
    listed = ", ".join(there[:8]) + (", ..." if len(there) > 8 else "")
    message = f"{root} has no {' or '.join(names)} but {listed or 'nothing'}; give the folder that holds it"
    raise ModelsError(message)


def images_by_name(root: Path) -> dict[str, str]:
    """Path relative to `root` by file name of every image at any depth; hidden ones are passed over.

    Of two files of one name the path that sorts first counts.
    """
    found: dict[str, str] = {}
    for path in images_by_path(root):
        found.setdefault(path.rsplit("/", 1)[-1], path)
    return found


def images_by_stem(root: Path) -> dict[str, str]:
    """The same by file name without its suffix."""
    return {Path(name).stem: path for name, path in images_by_name(root).items()}


def there(root: Path, images: Iterable[str]) -> list[str]:
    """Relative paths as they are, empty where no such file is below `root`."""
    known = set(images_by_path(root))
    return [image if image in known else "" for image in images]


def images_by_path(root: Path) -> list[str]:
    """Relative paths of every image at any depth, sorted; hidden ones are passed over."""
    found: list[str] = []
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if name[0] != "."]
        before = "" if folder == str(root) else f"{Path(folder).relative_to(root).as_posix()}/"
        chosen = [name for name in files if name[0] != "." and name[name.rfind(".") :].lower() in SUFFIXES]
        found += [before + name for name in chosen]
    return sorted(found)


def column_names(path: Path) -> list[str]:
    """The header of a CSV or TSV file."""
    with open_text(path) as file:
        delimiter = DELIMITERS.get(path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix, ",")
        return [name.strip() for name in next(csv.reader(file, delimiter=delimiter), [])]
