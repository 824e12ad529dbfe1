"""MIMIC-CXR-JPG, whose reports ground concepts."""

from pathlib import Path

from models.datasets.library.chest.chexpert import summary
from models.datasets.library.chest.report_labels import OBSERVATIONS
from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.findings import UNCERTAIN, states, uncertain
from models.datasets.library.layout import require_file, there
from models.datasets.library.text_files import TextFiles
from models.datasets.library.values import interned
from models.datasets.tables import read_columns

METADATA = ("mimic-cxr-2.0.0-metadata.csv.gz", "mimic-cxr-2.0.0-metadata.csv")
LABELS = ("mimic-cxr-2.0.0-chexpert.csv.gz", "mimic-cxr-2.0.0-chexpert.csv")
SPLIT = ("mimic-cxr-2.0.0-split.csv.gz", "mimic-cxr-2.0.0-split.csv")
VIEWS = {"LATERAL": "LL", "LL": "LL", "PA": "PA", "AP": "AP"}


def read(root: Path) -> ImageColumns:
    """Every image of the metadata with the labels of its study; reports are read when they are asked for."""
    names = ["dicom_id", "subject_id", "study_id", "ViewPosition"]
    cells = read_columns(require_file(root, METADATA), names)
    subject, study, view = interned(cells[name] for name in names[1:])
    split = read_columns(require_file(root, SPLIT), ["dicom_id", "split"])
    part = dict(zip(split["dicom_id"], split["split"], strict=True))
    folders = [f"files/p{who[:2]}/p{who}/s{each}" for who, each in zip(subject, study, strict=True)]
    found, doubt = labels_of(root, study)
    return ImageColumns(
        image=there(root, [f"{at}/{one}.jpg" for at, one in zip(folders, cells["dicom_id"], strict=True)]),
        id=cells["dicom_id"],
        patient=subject,
        report=TextFiles([root / f"{folder}.txt" for folder in folders]),
        findings=found,
        attributes={
            "study": study,
            "view": [VIEWS.get(each, "") for each in view],
            "source": ["beth_israel_deaconess"] * len(study),
            "official_split": [part.get(each, "") for each in cells["dicom_id"]],
            UNCERTAIN: doubt,
        },
    )


def labels_of(root: Path, study: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Findings of the study of each image, and which of them are uncertain."""
    cells = read_columns(require_file(root, LABELS), ["study_id", *OBSERVATIONS])
    row = {each: place for place, each in enumerate(cells["study_id"])}
    rows = [row.get(each) for each in study]
    raw = {name: ["" if place is None else cells[name][place] for place in rows] for name in OBSERVATIONS}
    return summary({name: states(column) for name, column in raw.items()}), uncertain(raw)


MIMIC_CXR_JPG = DataSet(
    facts=Facts(
        name="mimic-cxr-jpg",
        title="MIMIC-CXR-JPG",
        modality="chest X-ray",
        classes=(),
        findings=tuple(ClassCount(name) for name in OBSERVATIONS),
        attributes=("study", "view", "official_split", "source"),
        images=377110,
        patients=65379,
        licence="PhysioNet Credentialed Health Data License 1.5.0",
        access="credentialed",
        terms="Credentialed PhysioNet users alone, after training and a signed data use agreement; data and "
        "text may not be passed on, nor sent to services that keep them.",
        citation=(
            "Johnson et al., MIMIC-CXR-JPG, a large publicly available database of labeled chest "
            "radiographs, arXiv:1901.07042, 2019; Johnson et al., MIMIC-CXR, Scientific Data 6, 317, 2019"
        ),
        url="https://physionet.org/content/mimic-cxr-jpg/",
        layout="mimic-cxr-2.0.0-metadata.csv.gz, -chexpert.csv.gz and -split.csv.gz, files/p10/ to "
        "files/p19/; the reports of MIMIC-CXR (files/pNN/pSUBJECT/sSTUDY.txt) unpacked over the same files/",
        has_reports=True,
        external_llm_allowed=False,
        notes="The number of patients is that of MIMIC-CXR. A blank (not mentioned) and -1 (uncertain) are "
        "unknown; the column uncertain_findings names those that are uncertain. Sex and age are in "
        "MIMIC-IV, not here.",
    ),
    read=read,
)
