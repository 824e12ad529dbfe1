"""CheXpert."""

from collections.abc import Sequence
from pathlib import Path

from models.datasets.library.chest.report_labels import DEVICES, OBSERVATIONS
from models.datasets.library.columns import ImageColumns, joined
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.findings import UNCERTAIN, states, uncertain, with_summary
from models.datasets.library.layout import images_by_path, require_file
from models.datasets.library.spreadsheet import read_sheet
from models.datasets.library.values import age_groups, interned, sexes, years
from models.datasets.tables import read_columns

FOLDERS = ("", "CheXpert-v1.0 batch 1 (validate & csv)/")
TABLES = (("train", "train.csv"), ("valid", "valid.csv"))
DEMOGRAPHICS = ("CHEXPERT DEMO.xlsx", "CHEXPERT_DEMO.xlsx", "CHEXPERT DEMO.csv", "CHEXPERT_DEMO.csv")
UNSAID = ("unknown", "patient refused", "declines to state")


def read(root: Path) -> ImageColumns:
    """Both tables of the release, with race where the table of demographics lies beside them."""
    first = require_file(root, [f"{folder}{file}" for folder in FOLDERS for _, file in TABLES])
    races = races_by_patient(root)
    files = images_by_tail(root)
    tables = [(part, first.parent / file) for part, file in TABLES]
    return joined([read_part(table, part, files, races) for part, table in tables if table.is_file()])


def images_by_tail(root: Path) -> dict[str, str]:
    """Path below `root` by patient, study and file, since batches and copies differ in what lies above."""
    return {tail(path): path for path in images_by_path(root)}


def tail(path: str) -> str:
    """Patient, study and file."""
    return "/".join(path.split("/")[-3:])


def read_part(table: Path, part: str, files: dict[str, str], races: dict[str, str]) -> ImageColumns:
    """One table; its paths begin with the name of the release, which may be that of the small one."""
    cells = read_columns(table, ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS])
    paths = [tail(path) for path in cells["Path"]]
    patients = [path.split("/")[0] for path in paths]
    ages = years(cells["Age"])
    raw = {name: cells[name] for name in OBSERVATIONS}
    stated = {name: states(column) for name, column in raw.items()}
    (projection,) = interned([cells["Frontal/Lateral"]])
    return ImageColumns(
        image=[files.get(path, "") for path in paths],
        id=[f"{part}/{path.rsplit('.', 1)[0]}" for path in paths],
        patient=patients,
        findings=summary(stated),
        attributes={
            "sex": sexes(cells["Sex"]),
            "age": ages,
            "age_group": age_groups(ages, young=30, old=60),
            "view": views(cells),
            "projection": projection,
            "race": [races.get(patient, "") for patient in patients],
            "source": ["stanford"] * len(paths),
            "official_split": [part] * len(paths),
            UNCERTAIN: uncertain(raw),
        },
    )


def views(cells: dict[str, list[str]]) -> list[str]:
    """AP or PA as stated, LL for lateral images, empty where unknown."""
    pairs = zip(cells["AP/PA"], cells["Frontal/Lateral"], strict=True)
    return [beam if beam in {"AP", "PA"} else ("LL" if side == "Lateral" else "") for beam, side in pairs]


def summary(stated: dict[str, list[str]]) -> dict[str, list[str]]:
    """The observations, and whether there is any that is a disease."""
    diseases = {name: column for name, column in stated.items() if name != DEVICES}
    return {**with_summary(diseases), DEVICES: stated[DEVICES]}


def races_by_patient(root: Path) -> dict[str, str]:
    """Race in broad groups; empty where it was not told."""
    file = next((root / name for name in DEMOGRAPHICS if (root / name).is_file()), None)
    if file is None:
        return {}
    names = ["PATIENT", "PRIMARY_RACE"]
    cells = read_sheet(file, names) if file.suffix == ".xlsx" else read_columns(file, names)
    return dict(zip(cells["PATIENT"], race_groups(cells["PRIMARY_RACE"]), strict=True))


def race_groups(cells: Sequence[str]) -> list[str]:
    """White, Black, Asian, Other, or empty; the owner writes each with and without ethnicity."""
    groups = []
    for cell in cells:
        first = next((name for name in ("White", "Black", "Asian") if cell.startswith(name)), "Other")
        groups.append("" if not cell or cell.lower().startswith(UNSAID) else first)
    return groups


CHEXPERT = DataSet(
    facts=Facts(
        name="chexpert",
        title="CheXpert",
        modality="chest X-ray",
        classes=(),
        findings=tuple(ClassCount(name) for name in OBSERVATIONS),
        attributes=("sex", "age", "age_group", "view", "projection", "race", "official_split", "source"),
        images=224316,
        patients=65240,
        licence="Stanford University Dataset Research Use Agreement",
        access="agreement",
        terms="Registration and agreement to research use; no redistribution, no attempt to identify anyone.",
        citation=(
            "Irvin et al., CheXpert: A Large Chest Radiograph Dataset with Uncertainty Labels and Expert "
            "Comparison, AAAI 2019"
        ),
        url="https://stanfordmlgroup.github.io/competitions/chexpert/",
        layout="train.csv, valid.csv, train/, valid/; or the four batches as they are unpacked; CHEXPERT "
        "DEMO.xlsx (race) beside them",
        notes="The published number of images includes the test images. A blank (not mentioned) and -1 "
        "(uncertain) are unknown; the column uncertain_findings names those that are uncertain. Ages of 0 "
        "occur and are kept.",
    ),
    read=read,
)
