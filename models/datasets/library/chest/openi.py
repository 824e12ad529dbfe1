"""The Indiana University chest X-rays of Open-i, with reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.datasets.library.chest.openi_reports import Report, read_reports
from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_name
from models.datasets.tables import read_columns
from models.errors import ModelsError

REPORTS, PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
UNINDEXED = ("No Indexing", "Technical Quality of Image Unsatisfactory")
HEADINGS = {
    "Atelectasis": ("Pulmonary Atelectasis", "Atelectasis"),
    "Cardiomegaly": ("Cardiomegaly",),
    "Consolidation": ("Consolidation",),
    "Effusion": ("Pleural Effusion",),
    "Emphysema": ("Pulmonary Emphysema", "Emphysema"),
    "Fibrosis": ("Pulmonary Fibrosis",),
    "Hernia": ("Hernia, Hiatal",),
    "Infiltrate": ("Infiltrate",),
    "Mass": ("Mass",),
    "Nodule": ("Nodule",),
    "Edema": ("Pulmonary Edema",),
    "Pneumonia": ("Pneumonia",),
    "Pneumothorax": ("Pneumothorax",),
}
OPACITY = "Lung Opacity"


def read(root: Path) -> ImageColumns:
    """The owner's reports in XML, or the tables of the Kaggle form, joined with the images."""
    if (root / REPORTS).is_file():
        return read_tables(root)
    return read_xml(root)


def read_xml(root: Path) -> ImageColumns:
    """One row an image that a report names."""
    files = images_by_name(root)
    pairs = [(report, image) for report in read_reports(root) for image in report.images]
    if not pairs:
        message = (
            f"{root} has no reports in XML that name an image, and no {REPORTS}; give the folder with these"
        )
        raise ModelsError(message)
    reports = [report for report, _ in pairs]
    return columns(
        files=[files.get(f"{image}.png", "") for _, image in pairs],
        ids=[image for _, image in pairs],
        reports=reports,
        attributes={},
    )


def read_tables(root: Path) -> ImageColumns:
    """One row an image of the table of projections."""
    cells = read_columns(root / REPORTS, ["uid", "MeSH", "findings", "impression"])
    by_uid = {
        uid: Report(
            uid=uid,
            headings=tuple(part.strip() for part in mesh.split(";") if part.strip()),
            text="\n\n".join(part for part in (findings, impression) if part),
            images=(),
        )
        for uid, mesh, findings, impression in zip(*cells.values(), strict=True)
    }
    shown = read_columns(root / PROJECTIONS, ["uid", "filename", "projection"])
    files = images_by_name(root)
    nothing = Report("", (), "", ())
    return columns(
        files=[files.get(name, "") for name in shown["filename"]],
        ids=[name.rsplit(".", 1)[0].removesuffix(".dcm") for name in shown["filename"]],
        reports=[by_uid.get(uid, nothing) for uid in shown["uid"]],
        attributes={"projection": shown["projection"]},
    )


def columns(
    *,
    files: Sequence[str],
    ids: Sequence[str],
    reports: Sequence[Report],
    attributes: Mapping[str, Sequence[str]],
) -> ImageColumns:
    """The study stands for the patient, who is not identified across studies."""
    names = [*HEADINGS, OPACITY]
    return ImageColumns(
        image=files,
        id=ids,
        label=[label_of(report.headings) for report in reports],
        patient=[report.uid for report in reports],
        report=[report.text for report in reports],
        findings={name: [state(name, report.headings) for report in reports] for name in names},
        attributes={**attributes, "source": ["indiana"] * len(reports)},
    )


def label_of(headings: Sequence[str]) -> str:
    """Normal or abnormal as indexed by people; empty where they found nothing to index."""
    said = [heading.lower() for heading in headings if not heading.startswith(UNINDEXED)]
    if not said:
        return ""
    return "normal" if said == ["normal"] else "abnormal"


def state(name: str, headings: Sequence[str]) -> str:
    """1 where a heading says so, 0 where the study was indexed without; unknown where the image is poor."""
    if any(says(name, heading) for heading in headings):
        return "1"
    doubtful = not headings or any(heading.startswith(UNINDEXED) for heading in headings)
    return "" if doubtful else "0"


def says(name: str, heading: str) -> bool:
    """Whether a heading means the finding."""
    parts = [part.strip().lower() for part in heading.split("/")]
    if name == OPACITY:
        return parts[0] == "opacity" and "lung" in parts
    return parts[0] in {each.lower() for each in HEADINGS[name]}


OPENI = DataSet(
    facts=Facts(
        name="open-i",
        title="Indiana University chest X-rays (Open-i)",
        modality="chest X-ray",
        classes=(ClassCount("normal"), ClassCount("abnormal")),
        findings=tuple(ClassCount(name) for name in (*HEADINGS, OPACITY)),
        attributes=("projection", "source"),
        images=7470,
        licence="CC BY-NC-ND 4.0 as Open-i states it for the collection (from memory, not verified)",
        access="open",
        terms="Attribution, no commercial use, no derived copies handed on.",
        citation=(
            "Demner-Fushman et al., Preparing a collection of radiology examinations for distribution and "
            "retrieval, JAMIA 23(2), 2016"
        ),
        url="https://openi.nlm.nih.gov/faq",
        layout="ecgen-radiology/*.xml and the PNG files at any depth; or indiana_reports.csv, "
        "indiana_projections.csv and images/ of the Kaggle form",
        has_reports=True,
        external_llm_allowed=True,
        notes="Labels and findings are the major headings that people gave each study; a finding without a "
        "heading counts as absent where the study was indexed and its technique was not called "
        "unsatisfactory. The projection is in the Kaggle form alone. Patients are not identified across "
        "studies. The published number of reports is 3,955.",
    ),
    read=read,
)
