"""HAM10000 as the Harvard Dataverse (or the well-known copy on Kaggle) distributes it."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_stem, require_file
from models.datasets.library.skin.words import known, skin_age_groups
from models.datasets.library.values import sexes, years
from models.datasets.tables import read_columns

TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")

FACTS = Facts(
    name="ham10000",
    title="HAM10000, a large collection of multi-source dermatoscopic images of common pigmented skin "
    "lesions",
    modality="dermoscopy",
    classes=(
        ClassCount("akiec", 327),
        ClassCount("bcc", 514),
        ClassCount("bkl", 1099),
        ClassCount("df", 115),
        ClassCount("mel", 1113),
        ClassCount("nv", 6705),
        ClassCount("vasc", 142),
    ),
    attributes=("sex", "age", "age_group", "site", "source", "confirmation"),
    images=10015,
    licence="CC BY-NC 4.0",
    access="open",
    terms="Non-commercial use with attribution.",
    citation="Tschandl, Rosendahl, Kittler: The HAM10000 dataset, a large collection of multi-source "
    "dermatoscopic images of common pigmented skin lesions. Scientific Data 5, 180161 (2018)",
    url="https://doi.org/10.7910/DVN/DBW86T",
    layout="HAM10000_metadata (also .csv or .tab) and the JPEG "
    "files of both HAM10000_images_part archives in any folders below",
    notes="Lesions are known and keep together; patients are not. `source` (rosendahl, "
    "vidir_modern, vidir_molemax, vienna_dias) is only in the Dataverse table, not in the copy on Kaggle. "
    "About half of the "
    "diagnoses are by histology (confirmation = histo). akiec holds actinic keratoses and Bowen's disease.",
)


def read(root: Path) -> ImageColumns:
    """Images by the table's ids, in its order."""
    names = ["image_id", "lesion_id", "dx", "dx_type", "age", "sex", "localization"]
    cells = read_columns(require_file(root, TABLES), names, optional=["dataset"])
    images = images_by_stem(root)
    ages = years(cells["age"])
    return ImageColumns(
        image=[images.get(given, "") for given in cells["image_id"]],
        id=cells["image_id"],
        label=cells["dx"],
        patient=cells["lesion_id"],
        attributes={
            "sex": sexes(cells["sex"]),
            "age": ages,
            "age_group": skin_age_groups(ages),
            "site": known(cells["localization"]),
            "source": cells["dataset"],
            "confirmation": cells["dx_type"],
        },
    )


HAM10000 = DataSet(FACTS, read)
