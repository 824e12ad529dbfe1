"""The skin cancer images of the University of Waterloo: photographs with their contours."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_path
from models.errors import ModelsError

LABELS = {"melanoma": "melanoma", "notmelanoma": "not_melanoma"}
SOURCES = ("dermis", "dermquest")

FACTS = Facts(
    name="uwaterloo",
    title="University of Waterloo, Vision and Image Processing Lab: Skin Cancer Detection",
    modality="clinical photographs",
    classes=(ClassCount("melanoma", 119), ClassCount("not_melanoma", 87)),
    attributes=("source",),
    images=206,
    licence="unverified: the images come from the public collections DermIS and DermQuest",
    access="open",
    terms="Those of DermIS and DermQuest; cite the laboratory's papers.",
    citation="University of Waterloo, Vision and Image Processing Lab: Skin Cancer Detection, data set of "
    "images "
    "from DermIS and DermQuest with manual segmentations",
    url="https://uwaterloo.ca/vision-image-processing-lab/research-demos/skin-cancer-detection",
    layout="both archives unpacked: .../skin_data/melanoma and .../skin_data/notmelanoma, each with dermis "
    "and "
    "dermquest, where <id>_orig.jpg lies beside <id>_contour.png",
    notes="Patients are not known. Counts are the sums of KnoBo's released split.",
)


def read(root: Path) -> ImageColumns:
    """The photographs; contours are passed over."""
    found: list[tuple[str, str, str]] = []
    for path in images_by_path(root):
        *_, label, source, name = ("", "", *path.lower().split("/"))
        if label in LABELS and source in SOURCES and Path(name).stem.endswith("_orig"):
            found.append((path, LABELS[label], source))
    if not found:
        message = (
            f"{root} has no images like melanoma/dermis/*_orig.jpg; give the folder that holds both archives"
        )
        raise ModelsError(message)
    return ImageColumns(
        image=[path for path, _, _ in found],
        id=[f"{label}-{source}-{Path(path).stem.removesuffix('_orig')}" for path, label, source in found],
        label=[label for _, label, _ in found],
        attributes={"source": [source for _, _, source in found]},
    )


UWATERLOO = DataSet(FACTS, read)
