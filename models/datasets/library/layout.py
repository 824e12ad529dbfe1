"""Finds the files of a distributed data set below the folder that a user names."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from models.datasets.library.reading import reading
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
    there, wanted = sorted(entry.name for entry in root.iterdir()), " or ".join(names)
    if not there:
        raise ModelsError(f"{root} is empty; put {wanted} and the images there, or give the folder with them")
    listed = ", ".join(there[:8]) + (", ..." if len(there) > 8 else "")
    message = f"{root} has no {wanted} but {listed}; give the folder that holds it"
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
    """The same by file name without its suffix, so that of a.jpg and a.png, too, the first counts."""
    found: dict[str, str] = {}
    for path in images_by_path(root):
        found.setdefault(PurePosixPath(path).stem, path)
    return found


def there(root: Path, images: Iterable[str]) -> list[str]:
    """Relative paths as they are, empty where no such file is below `root`."""
    known = set(images_by_path(root))
    return [image if image in known else "" for image in images]


def images_by_path(root: Path) -> list[str]:
    """Relative paths of every image at any depth, sorted; hidden ones are passed over.

    Links are followed, but for those that lead back to a folder on the way, which would give every image
    again and again.
    """
    found: list[str] = []
    ways = {str(root): own_way(root, frozenset())}
    for folder, folders, files in os.walk(root, followlinks=True):
        way = ways.pop(folder)
        below = {name: own_way(Path(folder, name), way) for name in folders if name[0] != "."}
        folders[:] = [name for name, longer in below.items() if longer != way]
        ways |= {os.path.join(folder, name): below[name] for name in folders}  # noqa: PTH118 - as os.walk does
        before = "" if folder == str(root) else f"{Path(folder).relative_to(root).as_posix()}/"
        chosen = [name for name in files if name[0] != "." and name[name.rfind(".") :].lower() in SUFFIXES]
        found += [before + name for name in chosen]
    return sorted(found)


def own_way(folder: Path, way: frozenset[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Device and inode of a folder and of those above it; the same as before where it is one of these."""
    try:
        status = folder.stat()
    except OSError:
        return way
    return way | {(status.st_dev, status.st_ino)}


def column_names(path: Path) -> list[str]:
    """The header of a CSV, TSV or Parquet file."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415  # a CSV does not need it

        with reading(path):
            return list(pq.read_schema(path).names)
    with reading(path), open_text(path) as file:
        delimiter = DELIMITERS.get(path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix, ",")
        return [name.strip() for name in next(csv.reader(file, delimiter=delimiter), [])]
