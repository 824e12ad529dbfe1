"""The set of 10,000 images called Melanoma: folders for train and test, benign and malignant."""

from pathlib import Path, PurePosixPath

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_path
from models.errors import ModelsError

PARTS = ("train", "test")
LABELS = ("benign", "malignant")

FACTS = Facts(
    name="melanoma-10000",
    title="Melanoma Skin Cancer Dataset of 10000 Images",
    modality="dermoscopy",
    classes=(ClassCount("benign", 5500), ClassCount("malignant", 5105)),
    attributes=("official_split",),
    images=10605,
    licence="unverified, for the images come from other collections",
    access="registration",
    terms="Those of the copy on Kaggle, and of the collections its images come from.",
    citation="Javid: Melanoma Skin Cancer Dataset of 10000 Images. Kaggle (2022)",
    url="https://www.kaggle.com/datasets/hasnainjaved/melanoma-skin-cancer-dataset-of-10000-images",
    layout="train/benign, train/malignant, test/benign and test/malignant with JPEG files",
    notes="Neither patients nor lesions are known, so images of one person may lie in two parts; look at the "
    "near-duplicates. Do not read it beside the ISIC archive, from which images seem to come (unverified). "
    "Counts are the sums of KnoBo's released split.",
)


def read(root: Path) -> ImageColumns:
    """Every image below a folder named after its class, below one named after its part."""
    found: dict[str, str] = {}
    for path in images_by_path(root):
        parts = PurePosixPath(path).with_suffix("").parts[-3:]
        if len(parts) == 3 and parts[0] in PARTS and parts[1] in LABELS:
            found.setdefault("/".join(parts), path)  # the archive may hold its folder twice
    if not found:
        raise ModelsError(
            f"{root} has no images in train/benign, train/malignant, ...; give the folder above train"
        )
    return ImageColumns(
        image=list(found.values()),
        id=list(found),
        label=[name.split("/")[1] for name in found],
        attributes={"official_split": [name.split("/")[0] for name in found]},
    )


MELANOMA_10000 = DataSet(FACTS, read)
