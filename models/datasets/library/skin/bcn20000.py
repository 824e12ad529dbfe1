"""BCN20000 as its authors distribute it: a table and an archive of images for each of train and test."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns, joined
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_name, require_file
from models.datasets.library.skin.words import known, site_groups, skin_age_groups
from models.datasets.library.values import sexes, years
from models.datasets.tables import read_columns

TRAIN = ("bcn_20k_train.csv", "BCN_20k_train.csv")
TEST = ("bcn_20k_test.csv", "BCN_20k_test.csv")
LABELS = ("AK", "BCC", "BKL", "DF", "MEL", "NV", "SCC", "VASC")
OPTIONAL = ("diagnosis", "age_approx", "anatom_site_general", "lesion_id", "capture_date", "sex")

FACTS = Facts(
    name="bcn20000",
    title="BCN20000: Dermoscopic Lesions in the Wild",
    modality="dermoscopy",
    classes=tuple(ClassCount(label) for label in LABELS),
    attributes=("sex", "age", "age_group", "site", "site_group", "year", "official_split"),
    images=18946,
    licence="CC BY-NC 4.0 as stated for its part of the ISIC 2019 challenge; for the later release "
    "unverified",
    access="open",
    terms="Name the Department of Dermatology, Hospital Clínic de Barcelona.",
    citation="Hernández-Pérez et al.: BCN20000: Dermoscopic Lesions in the Wild. Scientific Data 11, 641 "
    "(2024)",
    url="https://doi.org/10.1038/s41597-024-03387-w",
    layout="bcn_20k_train.csv, where at hand bcn_20k_test.csv, and the images BCN_*.jpg in any folders below",
    notes="The table of the test part gives no diagnosis, so its images have no label. Lesions are known "
    "and keep together; "
    "patients are not. The 2019 preprint counts 19,424 images. The ISIC archive holds the set under other "
    "ids. Images for each class were not verified.",
)


def read(root: Path) -> ImageColumns:
    """Train, then test where its table is there."""
    images = images_by_name(root)
    tables = [require_file(root, TRAIN)]
    tables += [root / name for name in TEST if (root / name).is_file()][:1]
    return joined(
        [one_part(table, images, part) for table, part in zip(tables, ("train", "test"), strict=False)]
    )


def one_part(table: Path, images: dict[str, str], part: str) -> ImageColumns:
    """The rows of one table."""
    cells = read_columns(table, ["bcn_filename"], optional=OPTIONAL)
    ages, sites = years(cells["age_approx"]), known(cells["anatom_site_general"])
    return ImageColumns(
        image=[images.get(name, "") for name in cells["bcn_filename"]],
        id=[Path(name).stem for name in cells["bcn_filename"]],
        label=[label if label in LABELS else "" for label in cells["diagnosis"]],
        patient=cells["lesion_id"],
        attributes={
            "sex": sexes(cells["sex"]),
            "age": ages,
            "age_group": skin_age_groups(ages),
            "site": sites,
            "site_group": site_groups(sites),
            "year": [date[:4] for date in cells["capture_date"]],
            "official_split": [part] * len(cells["bcn_filename"]),
        },
    )


BCN20000 = DataSet(FACTS, read)
