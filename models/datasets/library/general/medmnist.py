"""MedMNIST+ archives, unpacked into PNG files and one table."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import DataSet, Facts, Progress
from models.datasets.library.general.medmnist_names import MEDMNIST_SETS, MedMnistSet
from models.datasets.library.general.npz_rows import array_names, array_rows
from models.datasets.library.layout import column_names, require_file, there
from models.datasets.tables import read_columns
from models.errors import ModelsError
from models.files import replacing, write_text

TABLE = "medmnist.csv"
PARTS = ("train", "val", "test")
COLUMNS = ("image", "id", "label", "official_split")


def read(root: Path) -> ImageColumns:
    """The table that `unpack` wrote.

    Raises:
        ModelsError: There is none.
    """
    if not (root / TABLE).is_file() and any(root.glob("*.npz")):
        raise ModelsError(f"{root} holds packed images; unpack them with: knobo data prepare medmnist")
    table = require_file(root, [TABLE])
    findings = [name for name in column_names(table) if name not in COLUMNS]
    cells = read_columns(table, [*COLUMNS, *findings])
    return ImageColumns(
        image=there(root, cells["image"]),
        id=cells["id"],
        label=cells["label"],
        findings={name: cells[name] for name in findings},
        attributes={"official_split": cells["official_split"]},
    )


def unpack(source: Path, target: Path, progress: Progress | None) -> Path:
    """Writes every image of one archive as PNG below `target`, and the table; returns that folder.

    Args:
        source: The .npz file, or a folder with exactly one.
        target: Where to write; images that are there already are not written again.
        progress: Called with images done and in all.
    """
    archive = archive_of(source)
    kind = MEDMNIST_SETS[archive.stem.split("_")[0]]
    arrays = array_names(archive)
    parts = [part for part in PARTS if f"{part}_labels" in arrays]
    labels = {part: [np.ravel(row) for row in array_rows(archive, f"{part}_labels")] for part in parts}
    total, rows = sum(map(len, labels.values())), []
    for part in parts:
        for number, pixels in enumerate(array_rows(archive, f"{part}_images")):
            image = f"images/{part}/{number:06d}.png"
            write_png(target / image, pixels)
            rows.append([image, f"{part}/{number:06d}", *cells_of(kind, labels[part][number], part)])
            if progress is not None:
                progress(len(rows), total)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header_of(kind), *rows])
    write_text(target / TABLE, text.getvalue())
    return target


def archive_of(source: Path) -> Path:
    """The archive that is meant."""
    found = [source] if source.is_file() else sorted(source.glob("*.npz"))
    known = [file for file in found if file.stem.split("_")[0] in MEDMNIST_SETS]
    if len(known) != 1:
        names = ", ".join(file.name for file in known) or "none"
        message = f"{source} gives {names} of the MedMNIST archives; name one, such as dermamnist_224.npz"
        raise ModelsError(message)
    return known[0]


def header_of(kind: MedMnistSet) -> list[str]:
    """Column names; a set with several labels has a column for each."""
    return [*COLUMNS, *(kind.labels if kind.several else ())]


def cells_of(kind: MedMnistSet, label: NDArray[np.generic], part: str) -> list[str]:
    """Label, part and findings of one image."""
    if not kind.several:
        return [kind.labels[int(label[0])], part]
    return [only_label(kind.labels, label), part, *(str(int(state)) for state in label)]


def only_label(names: Sequence[str], states: NDArray[np.generic]) -> str:
    """The one that is present; `no finding` for none, empty for several."""
    present = [name for name, state in zip(names, states, strict=True) if state]
    if not present:
        return "no finding"
    return present[0] if len(present) == 1 else ""


def write_png(path: Path, pixels: NDArray[np.generic]) -> None:
    """One image, unless it is there."""
    from PIL import Image  # noqa: PLC0415  # only this needs it

    if not path.is_file():
        with replacing(path) as file:
            Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(file, format="PNG")


MEDMNIST = DataSet(
    facts=Facts(
        name="medmnist",
        title="MedMNIST+ (2D)",
        modality="as the archive says",
        classes=(),
        attributes=("official_split",),
        licence="CC BY 4.0; DermaMNIST CC BY-NC 4.0, as its source",
        access="open",
        terms="Attribution, and the citation of the source of each set.",
        citation=(
            "Yang et al., MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical image "
            "classification, Scientific Data 10, 41, 2023"
        ),
        url="https://medmnist.com",
        layout="one archive of any size, e.g. pneumoniamnist_224.npz or dermamnist.npz",
        notes="Twelve sets in 28, 64, 128 or 224 pixels: " + ", ".join(MEDMNIST_SETS) + ". Patients are "
        "unknown; chestmnist and dermamnist are known to hold several images of one patient or lesion.",
    ),
    read=read,
    unpack=unpack,
)
