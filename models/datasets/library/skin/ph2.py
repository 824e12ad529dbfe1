"""PH2: dermoscopic images of melanocytic lesions with the signs an expert saw in each."""

import re
import shutil
from io import BytesIO
from pathlib import Path

from PIL import Image

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts, Progress
from models.datasets.library.layout import images_by_stem, require_file
from models.errors import ModelsError
from models.images.content import read_bytes
from models.images.picture import require_size
from models.images.reading import MAXIMUM_PIXELS

TABLES = ("PH2_dataset.txt", "PH2Dataset/PH2_dataset.txt")
LABELS = {"0": "common_nevus", "1": "atypical_nevus", "2": "melanoma"}
COLOURS = {
    "1": "color_white",
    "2": "color_red",
    "3": "color_light_brown",
    "4": "color_dark_brown",
    "5": "color_blue_gray",
    "6": "color_black",
}
LEVELS = ("asymmetry", "pigment_network", "dots_globules")
SIGNS = ("streaks", "regression_areas", "blue_whitish_veil")
PRESENT = {"P": "1", "A": "0"}
CELLS = 11  # between the bars of a row: nothing, name, two diagnoses, six criteria, colours

FACTS = Facts(
    name="ph2",
    title="PH2, a dermoscopic image database for research and benchmarking",
    modality="dermoscopy",
    classes=(ClassCount("common_nevus", 80), ClassCount("atypical_nevus", 80), ClassCount("melanoma", 40)),
    findings=tuple(ClassCount(name) for name in (*SIGNS, *COLOURS.values())),
    attributes=LEVELS,
    images=200,
    licence="no open licence; made freely available by its authors for research and benchmarking",
    access="registration",
    terms="Research and education; cite the paper.",
    citation="Mendonça, Ferreira, Marques, Marcal, Rozeira: PH2 - A dermoscopic image database for "
    "research and "
    "benchmarking. EMBC 2013",
    url="https://www.fc.up.pt/addi/ph2%20database.html",
    layout="PH2_dataset.txt and 'PH2 Dataset images'/IMD*/IMD*_Dermoscopic_Image/IMD*.bmp; preparing it "
    "writes "
    "the bitmaps as PNG",
    notes="One hospital (Hospital Pedro Hispano, Matosinhos), so no attribute to shift by; useful for signs "
    "that an expert saw. asymmetry 0, 1, 2 (axes); pigment_network T (typical) or AT (atypical); "
    "dots_globules "
    "A (absent), T or AT. Patients are not known.",
)


def read(root: Path) -> ImageColumns:
    """Images by the table's names, as distributed or as `unpack` wrote them."""
    rows = table_rows(require_file(root, TABLES))
    images = bitmaps(root) | images_by_stem(root)
    column = dict(zip(("name", "label", *LEVELS, *SIGNS, "colours"), zip(*rows, strict=True), strict=True))
    colours = [set(re.findall(r"\d", cell)) for cell in column["colours"]]
    signs = {name: [PRESENT.get(cell, "") for cell in column[name]] for name in SIGNS}
    seen = {
        name: [str(int(digit in cell)) if cell else "" for cell in colours] for digit, name in COLOURS.items()
    }
    return ImageColumns(
        image=[images.get(name, "") for name in column["name"]],
        id=column["name"],
        label=[LABELS.get(cell, "") for cell in column["label"]],
        findings=signs | seen,
        attributes={name: column[name] for name in LEVELS},
    )


def table_rows(table: Path) -> list[tuple[str, ...]]:
    """Name, clinical diagnosis, six criteria and colours of each image; the legend below is passed over.

    Raises:
        ModelsError: No row could be read.
    """
    rows = []
    for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
        cells = [cell.strip() for cell in re.split(r"\|+", line)]
        if len(cells) >= CELLS and cells[1].startswith("IMD"):
            rows.append((cells[1], *cells[3:CELLS]))
    if not rows:
        raise ModelsError(f"{table} has no rows like || IMD003 || ... ||; fetch it again")
    return rows


def bitmaps(root: Path) -> dict[str, str]:
    """Relative path of each dermoscopic image that is still a bitmap; masks are passed over."""
    found = root.glob("**/*_Dermoscopic_Image/*.bmp")
    return {path.stem: path.relative_to(root).as_posix() for path in sorted(found)}


def unpack(source: Path, target: Path, progress: Progress | None = None) -> Path:
    """The folder to read: `target` with the bitmaps as PNG, or `source` where there are no bitmaps.

    Raises:
        ModelsError: The table is missing, or an image is none.
    """
    table, found = require_file(source, TABLES), bitmaps(source)
    if not found:
        return source
    (target / "images").mkdir(parents=True, exist_ok=True)
    for done, (name, path) in enumerate(found.items(), start=1):
        write_png(source / path, target / "images" / f"{name}.png")
        if progress:
            progress(done, len(found))
    shutil.copyfile(table, target / TABLES[0])
    return target


def write_png(bitmap: Path, target: Path) -> None:
    """One bitmap as PNG."""
    data = read_bytes(bitmap)
    try:
        with Image.open(BytesIO(data), formats=("BMP",)) as image:
            require_size(image, name=str(bitmap), maximum_pixels=MAXIMUM_PIXELS)
            image.convert("RGB").save(target, format="PNG")
    except (OSError, SyntaxError, ValueError) as error:
        raise ModelsError(f"{bitmap} is not a readable bitmap; fetch it again") from error


PH2 = DataSet(FACTS, read, unpack)
