"""NIH ChestX-ray14."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.findings import NO_FINDING, listed_findings, only_finding, with_summary
from models.datasets.library.layout import images_by_name, require_file
from models.datasets.library.reading import reading
from models.datasets.library.values import age_groups, interned, sexes, years
from models.datasets.tables import read_columns

TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
LISTS = (("train_val", "train_val_list.txt"), ("test", "test_list.txt"))
FINDINGS = (
    ClassCount("Atelectasis", 11559),
    ClassCount("Cardiomegaly", 2776),
    ClassCount("Consolidation", 4667),
    ClassCount("Edema", 2303),
    ClassCount("Effusion", 13317),
    ClassCount("Emphysema", 2516),
    ClassCount("Fibrosis", 1686),
    ClassCount("Hernia", 227),
    ClassCount("Infiltration", 19894),
    ClassCount("Mass", 5782),
    ClassCount("Nodule", 6331),
    ClassCount("Pleural_Thickening", 3385),
    ClassCount("Pneumonia", 1431),
    ClassCount("Pneumothorax", 5302),
    ClassCount(NO_FINDING, 60361),
)
KINDS = tuple(each.name for each in FINDINGS)


def read(root: Path) -> ImageColumns:
    """The table of the release joined with the images found below `root`, in one folder or twelve."""
    table = require_file(root, TABLES)
    names = {
        "id": "Image Index",
        "found": "Finding Labels",
        "patient": "Patient ID",
        "age": "Patient Age",
        "sex": "Patient Gender",
        "view": "View Position",
    }
    cells = read_columns(table, names.values())
    files = images_by_name(root)
    ages = years(age.removesuffix("Y") for age in cells[names["age"]])
    found, patient, view = interned(cells[names[key]] for key in ("found", "patient", "view"))
    findings = with_summary(listed_findings(found, KINDS))
    images = cells[names["id"]]
    return ImageColumns(
        image=[files.get(image, "") for image in images],
        id=[image.rsplit(".", 1)[0] for image in images],
        label=only_finding(findings),
        patient=patient,
        findings=findings,
        attributes={
            "sex": sexes(cells[names["sex"]]),
            "age": ages,
            "age_group": age_groups(ages, young=30, old=60),
            "view": view,
            "source": ["nih_clinical_center"] * len(images),
            "official_split": official_splits(root, images),
        },
    )


def official_splits(root: Path, images: list[str]) -> list[str]:
    """`train_val` or `test` where the owner's lists are there and name the image."""
    part: dict[str, str] = {}
    for name, file in LISTS:
        if (root / file).is_file():
            with reading(root / file):
                part.update(dict.fromkeys((root / file).read_text("utf-8").split(), name))
    return [part.get(image, "") for image in images]


NIH_CHESTXRAY14 = DataSet(
    facts=Facts(
        name="nih-chestxray14",
        title="NIH ChestX-ray14",
        modality="chest X-ray",
        classes=FINDINGS,
        findings=FINDINGS,
        attributes=("sex", "age", "age_group", "view", "official_split", "source"),
        images=112120,
        patients=30805,
        licence="No restriction on use stated by the NIH Clinical Center",
        access="open",
        terms="Link to the download site, cite the paper, and acknowledge the NIH Clinical Center.",
        citation=(
            "Wang et al., ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on "
            "Weakly-Supervised Classification and Localization of Common Thorax Diseases, CVPR 2017"
        ),
        url="https://nihcc.app.box.com/v/ChestXray-NIHCC",
        layout="Data_Entry_2017_v2020.csv (or Data_Entry_2017.csv), images/ or images_001/ to images_012/, "
        "train_val_list.txt and test_list.txt where they are wanted",
        notes="Labels were mined from reports: a finding that is not listed counts as absent, as the owner "
        "does, and all are noisy; where an image has a finding of another name, none counts as absent. "
        "Ages above 110 are taken as unknown.",
    ),
    read=read,
)
