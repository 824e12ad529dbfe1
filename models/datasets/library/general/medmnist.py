"""MedMNIST+ archives, unpacked into PNG files and one table."""

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import DataSet, Facts, Progress
from models.datasets.library.general.medmnist_names import MEDMNIST_SETS, MedMnistSet
from models.datasets.library.general.npz_rows import array_names, array_rows, array_shape
from models.datasets.library.layout import column_names, there
from models.datasets.tables import read_columns
from models.errors import ModelsError
from models.files import replacing, write_text

TABLE = "medmnist.csv"
PARTS = ("train", "val", "test")
COLUMNS = ("image", "id", "label", "official_split", "modality")
SHAPES = "(n, height, width) or (n, height, width, 3)"


def read(root: Path) -> ImageColumns:
    """The table that `unpack` wrote.

    Raises:
        ModelsError: There is none.
    """
    table = root / TABLE
    if not table.is_file() and any(root.glob("*.npz")):
        raise ModelsError(f"{root} holds packed images; unpack them with: knobo data prepare medmnist")
    if not table.is_file():
        raise ModelsError(
            f"{root} holds no MedMNIST archive; put one there, such as dermamnist_224.npz, or give its folder"
        )
    findings = [name for name in column_names(table) if name not in COLUMNS]
    cells = read_columns(table, [*COLUMNS, *findings])
    return ImageColumns(
        image=there(root, cells["image"]),
        id=cells["id"],
        label=cells["label"],
        findings={name: cells[name] for name in findings},
        attributes={name: cells[name] for name in ("official_split", "modality")},
    )


def unpack(source: Path, target: Path, progress: Progress | None) -> Path:
    """Writes every image of one archive as PNG, and the table, into a folder of its own; returns that folder.

    Args:
        source: The .npz file, or a folder with exactly one.
        target: Where the folder is made, named by archive and content, so that no image of another archive
            is ever taken for one of this; images that are there already are not written again.
        progress: Called with images done and in all.

    Raises:
        ModelsError: No archive, more than one, or one whose arrays are not those of its set.
    """
    archive = archive_of(source)
    kind = MEDMNIST_SETS[archive.stem.split("_")[0]]
    labels = labels_of(archive, kind)
    folder = target / f"{archive.stem}-{digest_of(archive)}"
    total, rows = sum(map(len, labels.values())), []
    for part in labels:
        for number, pixels in enumerate(array_rows(archive, f"{part}_images")):
            image = f"images/{part}/{number:06d}.png"
            write_png(folder / image, pixels)
            rows.append([image, f"{part}/{number:06d}", *cells_of(kind, labels[part][number], part)])
            if progress is not None:
                progress(len(rows), total)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header_of(kind), *rows])
    write_text(folder / TABLE, text.getvalue())
    return folder


def digest_of(archive: Path) -> str:
    """Beginning of the checksum of a file."""
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def labels_of(archive: Path, kind: MedMnistSet) -> dict[str, list[NDArray[np.generic]]]:
    """Labels of each image by part, after a look at the arrays that these parts have."""
    arrays = array_names(archive)
    parts = [part for part in PARTS if {f"{part}_labels", f"{part}_images"} & set(arrays)]
    if not parts:
        raise ModelsError(f"{archive} has no array train_images, val_images or test_images; fetch it again")
    for part in parts:
        require_shapes(archive, kind, part)
    labels = {part: [np.ravel(row) for row in array_rows(archive, f"{part}_labels")] for part in parts}
    highest = 1 if kind.several else len(kind.labels) - 1
    for part, rows in labels.items():
        for number, row in enumerate(rows):
            if not all(0 <= int(value) <= highest for value in row):
                raise ModelsError(
                    f"row {number} of {part}_labels of {archive} lies outside 0 to {highest}, which the set "
                    "has; fetch it again"
                )
    return labels


def require_shapes(archive: Path, kind: MedMnistSet, part: str) -> None:
    """Refuse arrays of one part that are not its images and as many labels."""
    images, pixel = array_shape(archive, f"{part}_images")
    labels, number = array_shape(archive, f"{part}_labels")
    if pixel != np.uint8 or len(images) not in {3, 4} or images[3:] not in {(), (3,)}:
        raise ModelsError(
            f"{part}_images of {archive} are {pixel} of shape {images}, not uint8 of {SHAPES}; fetch it again"
        )
    width = len(kind.labels) if kind.several else 1
    if number.kind not in "iub" or labels != (images[0], width):
        raise ModelsError(
            f"{part}_labels of {archive} are {number} of shape {labels}, not integers of shape "
            f"{(images[0], width)}, one row an image; fetch it again"
        )


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
    """Label, part, modality and findings of one image."""
    if not kind.several:
        return [kind.labels[int(label[0])], part, kind.modality]
    return [only_label(kind.labels, label), part, kind.modality, *(str(int(state)) for state in label)]


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
        attributes=("official_split", "modality"),
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
