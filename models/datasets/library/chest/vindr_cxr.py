"""VinDr-CXR."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns, joined
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.findings import only_finding, states, with_summary
from models.datasets.library.layout import column_names, images_by_stem, require_file
from models.datasets.tables import read_columns

FOLDERS = ("", "annotations/")
TABLES = (("train", "image_labels_train.csv"), ("test", "image_labels_test.csv"))
RENAMED = {"Other disease": "Other diseases", "No finding": "No Finding"}
FINDINGS = (
    "Aortic enlargement",
    "Atelectasis",
    "Calcification",
    "Cardiomegaly",
    "Clavicle fracture",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Enlarged PA",
    "ILD",
    "Infiltration",
    "Lung Opacity",
    "Lung cavity",
    "Lung cyst",
    "Mediastinal shift",
    "Nodule/Mass",
    "Pleural effusion",
    "Pleural thickening",
    "Pneumothorax",
    "Pulmonary fibrosis",
    "Rib fracture",
    "Other lesion",
    "COPD",
    "Lung tumor",
    "Pneumonia",
    "Tuberculosis",
    "Other diseases",
    "No Finding",
)


def read(root: Path) -> ImageColumns:
    """Both parts; a training label on which its radiologists disagree is unknown."""
    require_file(root, [f"{folder}{file}" for folder in FOLDERS for _, file in TABLES])
    files = images_by_stem(root)
    return joined(
        [
            read_part(root / f"{folder}{file}", part, files)
            for part, file in TABLES
            for folder in FOLDERS
            if (root / f"{folder}{file}").is_file()
        ]
    )


def read_part(table: Path, part: str, files: dict[str, str]) -> ImageColumns:
    """One table, with as many rows an image as it had readers; labels are the columns after the ids."""
    names = [name for name in column_names(table) if RENAMED.get(name, name) in FINDINGS]
    cells = read_columns(table, ["image_id", *names])
    rows: dict[str, list[int]] = {}
    for row, image in enumerate(cells["image_id"]):
        rows.setdefault(image, []).append(row)
    read_by = {RENAMED.get(name, name): states(cells[name]) for name in names}
    agreed = {
        name: [agreement([column[row] for row in places]) for places in rows.values()]
        for name, column in read_by.items()
    }
    empty = [""] * len(rows)
    findings = with_summary({name: agreed.get(name, empty) for name in FINDINGS})
    return ImageColumns(
        image=[files.get(image, "") for image in rows],
        id=list(rows),
        label=only_finding(findings),
        findings=findings,
        attributes={
            "source": ["vindr"] * len(rows),
            "official_split": [part] * len(rows),
            "readers": [str(len(places)) for places in rows.values()],
        },
    )


def agreement(states: list[str]) -> str:
    """What all readers say; unknown where they differ."""
    return states[0] if len(set(states)) == 1 else ""


VINDR_CXR = DataSet(
    facts=Facts(
        name="vindr-cxr",
        title="VinDr-CXR",
        modality="chest X-ray",
        classes=tuple(ClassCount(name) for name in FINDINGS),
        findings=tuple(ClassCount(name) for name in FINDINGS),
        attributes=("official_split", "source"),
        images=18000,
        licence="PhysioNet Credentialed Health Data License 1.5.0",
        access="credentialed",
        terms="Credentialed PhysioNet users alone, after training and a signed data use agreement; data may "
        "not be passed on.",
        citation=(
            "Nguyen et al., VinDr-CXR: An open dataset of chest X-rays with radiologist's annotations, "
            "Scientific Data 9, 429, 2022"
        ),
        url="https://physionet.org/content/vindr-cxr/",
        layout="annotations/image_labels_train.csv and image_labels_test.csv, train/ and test/ with "
        "<image id>.dicom (or converted images of that name)",
        notes="Three radiologists labelled each training image: where they disagree the finding is unknown. "
        "The test labels are a consensus of five. Patients are unknown. 15,000 images train, 3,000 test.",
    ),
    read=read,
)
