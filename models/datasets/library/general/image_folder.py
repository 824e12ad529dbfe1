"""Image folders as the Hugging Face hub distributes them."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from models.datasets.library.columns import ImageColumns, joined
from models.datasets.library.data_set import DataSet, Facts, Progress
from models.datasets.library.general.embedded_images import embedded, unpack_embedded
from models.datasets.library.layout import column_names, images_by_path, there
from models.datasets.library.reading import reading
from models.datasets.tables import cell_text, read_columns
from models.datasets.unstated import stated, stated_labels
from models.errors import ModelsError

TABLES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAMES = ("file_name", "image_file_name")
SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "val",
    "validation": "val",
    "val": "val",
    "dev": "val",
}
SPLITS |= {"test": "test", "testing": "test", "eval": "test", "evaluation": "test"}
PATIENTS = ("patient", "patient_id", "subject", "subject_id", "lesion_id", "study_id")
ROLES = frozenset({"image", "id", "label", "patient", "report"})
"""Columns that every manifest has in its own sense."""
REPORTS = ("report", "text", "caption")


def read(root: Path) -> ImageColumns:
    """Images with the columns of `metadata.csv`, `.jsonl` or `.parquet`; else the folder names the class."""
    tables = sorted(file for name in TABLES for file in root.rglob(name))
    if tables:
        return joined(same_columns([read_table(root, table) for table in tables]))
    return read_class_folders(root)


def read_table(root: Path, table: Path) -> ImageColumns:
    """One table; its file names are relative to its own folder."""
    cells = cells_of(table)
    key = next((name for name in FILE_NAMES if name in cells), None)
    if key is None:
        raise ModelsError(f"{table} has no column file_name; its columns are {', '.join(cells)}")
    before = table.parent.relative_to(root)
    paths = [(PurePosixPath(before.as_posix()) / name).as_posix() for name in cells.pop(key)]
    label = cells.pop("label", None)
    patient = next((cells.pop(name) for name in PATIENTS if name in cells), None)
    report = next((cells.pop(name) for name in REPORTS if name in cells), None)
    cells.setdefault("official_split", [split_of(path) for path in paths])
    cells = {(f"metadata_{name}" if name in ROLES else name): column for name, column in cells.items()}
    return ImageColumns(
        image=there(root, paths),
        id=[path.rsplit(".", 1)[0] for path in paths],
        label=stated_labels(label or ()),
        patient=stated(patient or ()),
        report=report or (),
        attributes={name: column for name, column in cells.items() if any(column)},
    )


def cells_of(table: Path) -> dict[str, list[str]]:
    """Every column of a table as text; what is no single value is left out."""
    if table.suffix != ".jsonl":
        return read_columns(table, column_names(table))
    rows = rows_of(table)
    names = list(dict.fromkeys(name for row in rows for name in row))
    single = [name for name in names if not any(isinstance(row.get(name), dict | list) for row in rows)]
    return {name: [cell_text(row.get(name)) for row in rows] for name in single}


def rows_of(table: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file; what stands in a line that is none is never quoted."""
    with reading(table):
        lines = table.read_text("utf-8").split("\n")
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ModelsError(f"line {number} of {table} is no JSON; mend the line or use a CSV") from error
        if not isinstance(row, dict):
            raise ModelsError(
                f"line {number} of {table} is no JSON object; give every image one with its columns"
            )
        rows.append(row)
    return rows


def same_columns(parts: list[ImageColumns]) -> list[ImageColumns]:
    """Tables of the splits brought to the columns of any of them."""
    names = list(dict.fromkeys(name for part in parts for name in part.attributes))

    def filled(part: ImageColumns) -> ImageColumns:
        empty = [""] * len(part)
        return ImageColumns(
            image=part.image,
            id=part.id,
            label=part.label or empty,
            patient=part.patient or empty,
            report=part.report or empty,
            attributes={name: part.attributes.get(name, empty) for name in names},
        )

    return [filled(part) for part in parts]


def read_class_folders(root: Path) -> ImageColumns:
    """`<split>/<class>/image` or `<class>/image`."""
    paths = [path for path in images_by_path(root) if "/" in path]
    if not paths and embedded(root):
        raise ModelsError(f"{root} holds packed images; unpack them with: knobo data prepare image-folder")
    if not paths:
        message = (
            f"{root} has neither a metadata table nor images in class folders; give the folder with these"
        )
        raise ModelsError(message)
    classes = [PurePosixPath(path).parent.name for path in paths]
    known = [("" if name.lower() in SPLITS else name) for name in classes]
    return ImageColumns(
        image=paths,
        id=[path.rsplit(".", 1)[0] for path in paths],
        label=known,
        attributes={"official_split": [split_of(path) for path in paths]},
    )


def split_of(path: str) -> str:
    """The split that a folder on the way names; empty if none does."""
    folders = PurePosixPath(path).parts[:-1]
    return next((SPLITS[name.lower()] for name in folders if name.lower() in SPLITS), "")


def unpack(source: Path, target: Path, progress: Progress | None) -> Path:
    """Images that Parquet files hold are written below `target`; a folder of image files is left as it is."""
    if not embedded(source):
        return source
    unpack_embedded(source, target, progress)
    return target


IMAGE_FOLDER = DataSet(
    facts=Facts(
        name="image-folder",
        title="Hugging Face image folder",
        modality="as its owner says",
        classes=(),
        attributes=("official_split",),
        licence="As its owner says",
        access="open",
        terms="Read the data set's card; this reader knows nothing of it.",
        citation="As its owner says",
        url="https://huggingface.co/docs/datasets/image_dataset",
        layout="<split>/<class>/*.png, or metadata.csv, .jsonl or .parquet with a column file_name beside "
        "the images (or in each split's folder), or Parquet files with the images inside",
        notes="Of the metadata, label, a column named like a patient (patient_id, subject_id, lesion_id, "
        "...) and one named report, text or caption take those roles; every other column is an attribute "
        "(`id` as `metadata_id`; the id is the path).",
    ),
    read=read,
    unpack=unpack,
)
