"""Reads a data set described by one table with a row for each image."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.collecting import uncollected
from models.datasets.tables import read_columns
from models.datasets.unstated import stated, stated_labels
from models.errors import ModelsError
from models.images import ImageRecord

MOST_VALUES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ManifestColumns:
    """Which column holds what.

    Attributes:
        image: Path of the image, relative to the root.
        id: Id of the image in its data set; None takes the path.
        label: Class; None for a data set without labels.
        patient: Patient, study, case or lesion: whatever must stay in one part of a split.
        report: Columns whose texts are joined, in this order, by a blank line.
        attributes: Columns kept by name.
    """

    image: str = "image"
    id: str | None = None
    label: str | None = "label"
    patient: str | None = None
    report: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Every column that is read."""
        single = [name for name in (self.image, self.id, self.label, self.patient) if name is not None]
        return [*single, *self.report, *self.attributes]


@uncollected()
def read_manifest(
    path: Path,
    *,
    name: str,
    columns: ManifestColumns | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    label_map: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> list[ImageRecord]:
    """The images of a CSV, TSV or Parquet table, in its order.

    Args:
        path: The table.
        name: Of the data set; it comes before every image and patient id.
        columns: Which column holds what.
        where: Rows are kept whose cell is among the allowed values, for each column named.
        label_map: From the label in the table to the class name; every label that is left must be in it.
        root: Folder that holds the images; the table's own folder by default.

    Raises:
        ModelsError: Missing table, column or image, a path that leaves the root, an id given twice, an
            unmapped label, nothing left by `where`.
    """
    columns, where = columns or ManifestColumns(), where or {}
    cells = read_columns(path, [*columns.names(), *where])
    rows = chosen_rows(path, cells, where)
    images = [cells[columns.image][row] for row in rows]
    paths = paths_under(root or path.parent, images, path)
    ids = [f"{name}/{given}" for given in (images if columns.id is None else pick(cells[columns.id], rows))]
    require_unique(path, ids)
    require_files(path, paths)
    labels = class_names(path, pick(cells[columns.label], rows) if columns.label else [], label_map)
    patients = stated(pick(cells[columns.patient], rows)) if columns.patient else []
    return [
        ImageRecord(
            id=ids[place],
            path=paths[place],
            label=(labels[place] or None) if labels else None,
            attributes={key: cells[key][row] for key in columns.attributes if cells[key][row]},
            patient=f"{name}/{patients[place]}" if patients and patients[place] else None,
            report="\n\n".join(cells[key][row] for key in columns.report if cells[key][row]) or None,
        )
        for place, row in enumerate(rows)
    ]


def pick(column: Sequence[str], rows: Iterable[int]) -> list[str]:
    """The cells of some rows."""
    return [column[row] for row in rows]


def chosen_rows(
    path: Path, cells: Mapping[str, Sequence[str]], where: Mapping[str, Sequence[str]]
) -> list[int]:
    """Numbers of the rows that `where` lets through."""
    allowed = {key: set(values) for key, values in where.items()}
    total = len(next(iter(cells.values())))
    rows = [row for row in range(total) if all(cells[key][row] in allowed[key] for key in allowed)]
    if total == 0:
        raise ModelsError(f"{path} has a header and no rows; give it a row for each image")
    if not rows:
        there = "; ".join(f"{key} has {values_there(cells[key])}" for key in where)
        raise ModelsError(f"no row of {path} passes the filter: {there}")
    return rows


def values_there(column: Iterable[str]) -> str:
    """The values of a column by frequency; only their number where they are many, for they may be names."""
    counts = Counter(value for value in column if value)
    if len(counts) > MOST_VALUES_SHOWN:
        return f"{len(counts)} different values"
    return ", ".join(value for value, _ in counts.most_common()) or "no values"


def class_names(path: Path, labels: list[str], label_map: Mapping[str, str] | None) -> list[str]:
    """Labels translated; a cell that only says that it does not know is empty, unless the map names it."""
    if label_map is None:
        return stated_labels(labels)
    known = stated_labels(labels)
    labels = [cell if cell in label_map else kept for cell, kept in zip(labels, known, strict=True)]
    unknown = [label for label in labels if label and label not in label_map]
    if unknown:
        message = (
            f"{len(unknown)} labels of {path} are not in the label map ({values_there(unknown)}); "
            "add them or leave these rows out with a filter"
        )
        raise ModelsError(message)
    return [label_map[label] if label else "" for label in labels]


def paths_under(root: Path, images: Iterable[str], table: Path) -> list[Path]:
    """The images' paths, refused where the table's text leads out of the root.

    Links that the owner of the folder put there are followed; the text of a table is not trusted that far.
    """
    base = os.path.abspath(root)  # noqa: PTH100  # Path.resolve would follow links
    inside = os.path.join(base, "")  # noqa: PTH118  # as text, for pathlib takes seconds over a large table
    paths: list[Path] = []
    for image in images:
        if not image or "\0" in image:
            raise ModelsError(f"{table} has a row without an image path; fill it in or remove the row")
        full = os.path.normpath(os.path.join(base, image))  # noqa: PTH118  # pathlib keeps the ..
        if not full.startswith(inside):
            raise ModelsError(f"{table} names the image {image}, which lies outside {base}; move it below")
        paths.append(Path(full))
    return paths


def require_unique(path: Path, ids: Sequence[str]) -> None:
    """Refuse an image id given twice."""
    twice = [given for given, count in Counter(ids).items() if count > 1]
    if twice:
        message = (
            f"{path} gives {len(twice)} image ids more than once ({', '.join(twice[:3])}); remove the repeats"
        )
        raise ModelsError(message)


def require_files(path: Path, paths: Sequence[Path]) -> None:
    """Refuse a table that names images which are not there."""
    missing = [image for image in paths if not os.path.isfile(image)]  # noqa: PTH113  # half the time
    if missing:
        message = (
            f"{len(missing)} of {len(paths)} images named in {path} do not exist "
            f"(first {missing[0]}); check the path column"
        )
        raise ModelsError(message)
