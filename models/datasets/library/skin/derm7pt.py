"""Derm7pt: a dermoscopic and a clinical image of each case, with the seven-point checklist."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns, joined
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_path, require_file
from models.datasets.library.values import sexes
from models.datasets.tables import read_columns
from models.errors import ModelsError

CRITERIA = (
    "pigment_network",
    "streaks",
    "pigmentation",
    "regression_structures",
    "dots_and_globules",
    "blue_whitish_veil",
    "vascular_structures",
)
KINDS = {"derm": "dermoscopic", "clinic": "clinical"}
NEVI = ("blue", "clark", "combined", "congenital", "dermal", "recurrent", "reed or spitz")
GROUPS = {f"{kind} nevus": "nevus" for kind in NEVI} | {
    "basal cell carcinoma": "basal cell carcinoma",
    "seborrheic keratosis": "seborrheic keratosis",
    "dermatofibroma": "miscellaneous",
    "lentigo": "miscellaneous",
    "melanosis": "miscellaneous",
    "miscellaneous": "miscellaneous",
    "vascular lesion": "miscellaneous",
}
PARTS = {"train": "train", "valid": "validation", "test": "test"}

FACTS = Facts(
    name="derm7pt",
    title="Derm7pt, the seven-point checklist dermatology dataset",
    modality="dermoscopy and clinical photographs",
    classes=(
        ClassCount("basal cell carcinoma", 2 * 42),
        ClassCount("melanoma", 2 * 252),
        ClassCount("miscellaneous", 2 * 97),
        ClassCount("nevus", 2 * 575),
        ClassCount("seborrheic keratosis", 2 * 45),
    ),
    attributes=(
        "sex",
        "site",
        "elevation",
        "difficulty",
        "image_type",
        "diagnosis",
        "official_split",
        *CRITERIA,
    ),
    images=2022,
    licence="no open licence: images may not be redistributed",
    access="registration",
    terms="Research use under the terms of the release; the images may not be passed on.",
    citation="Kawahara, Daneshvar, Argenziano, Hamarneh: Seven-Point Checklist and Skin Lesion "
    "Classification "
    "using Multi-Task Multi-Modal Neural Nets. IEEE J. Biomed. Health Inform. 23(2), 2019",
    url="https://derm.cs.sfu.ca",
    layout="release_v0 with meta/meta.csv, meta/{train,valid,test}_indexes.csv and images/",
    notes="1,011 cases, each with one dermoscopic and one clinical image that stay together; for nine of "
    "them the table notes that a dermoscopic image stands in for the clinical one. "
    "Patients are not known. Label is the paper's grouping of 20 diagnoses, which stand in `diagnosis`. The "
    "criteria keep the levels of the table.",
)


def read(root: Path) -> ImageColumns:
    """Dermoscopic images of all cases, then clinical ones."""
    table = require_file(root, ["meta/meta.csv", "release_v0/meta/meta.csv", "meta.csv"])
    names = ["case_num", "diagnosis", *CRITERIA, "level_of_diagnostic_difficulty", "elevation", "location"]
    cells = read_columns(table, [*names, "sex", *KINDS], optional=["split"])
    parts = [PARTS.get(part, "") for part in official_split(table, cells["split"])]
    images = {path.lower(): path for path in images_by_path(root)}  # the table's upper case is not the disk's
    folder = Path(table.relative_to(root)).parent.parent.as_posix()
    before = "images/" if folder == "." else f"{folder}/images/"
    return joined([one_kind(cells, kind, parts, images, before) for kind in KINDS])


def one_kind(
    cells: dict[str, list[str]], kind: str, parts: list[str], images: dict[str, str], before: str
) -> ImageColumns:
    """One image of each case."""
    cases = cells["case_num"]
    return ImageColumns(
        image=[images.get(f"{before}{name}".lower(), "") for name in cells[kind]],
        id=[f"{case}-{kind}" for case in cases],
        label=[group_of(diagnosis) for diagnosis in cells["diagnosis"]],
        patient=cases,
        attributes={
            "sex": sexes(cells["sex"]),
            "site": cells["location"],
            "elevation": cells["elevation"],
            "difficulty": cells["level_of_diagnostic_difficulty"],
            "image_type": [KINDS[kind]] * len(cases),
            "diagnosis": cells["diagnosis"],
            "official_split": parts,
            **{name: cells[name] for name in CRITERIA},
        },
    )


def group_of(diagnosis: str) -> str:
    """The paper's five classes; a diagnosis it does not name is unknown."""
    return "melanoma" if diagnosis.startswith("melanoma") else GROUPS.get(diagnosis, "")


def official_split(table: Path, column: list[str]) -> list[str]:
    """The part of each row: the release keeps row numbers, from 0, in a table for each part."""
    parts = list(column)
    for part in PARTS:
        indexes = table.parent / f"{part}_indexes.csv"
        if indexes.is_file():
            for row in read_columns(indexes, ["indexes"])["indexes"]:
                if not row.isdecimal() or int(row) >= len(parts):
                    last = len(parts) - 1
                    message = (
                        f"{indexes} names row {row!r} of {table}, which has 0 to {last}; fetch both again"
                    )
                    raise ModelsError(message)
                parts[int(row)] = part
    return parts


DERM7PT = DataSet(FACTS, read)
