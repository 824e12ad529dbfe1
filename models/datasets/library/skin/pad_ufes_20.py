"""PAD-UFES-20: photographs of lesions by smartphone, with answers of the patients."""

from pathlib import Path

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_name, require_file
from models.datasets.library.skin.words import (
    known,
    skin_age_groups,
    skin_type_groups,
    skin_types,
    yes_or_no,
)
from models.datasets.library.values import sexes, years
from models.datasets.tables import read_columns

SIGNS = ("itch", "grew", "hurt", "changed", "bleed", "elevation")

FACTS = Facts(
    name="pad-ufes-20",
    title="PAD-UFES-20: a skin lesion dataset composed of patient data and clinical images from smartphones",
    modality="clinical photographs",
    classes=(
        ClassCount("ACK", 730),
        ClassCount("BCC", 845),
        ClassCount("MEL", 52),
        ClassCount("NEV", 244),
        ClassCount("SCC", 192),
        ClassCount("SEK", 235),
    ),
    findings=tuple(ClassCount(sign) for sign in SIGNS),
    attributes=("sex", "age", "age_group", "site", "skin_type", "skin_type_group", "confirmation"),
    images=2298,
    patients=1373,
    licence="CC BY 4.0",
    access="open",
    terms="Attribution.",
    citation="Pacheco et al.: PAD-UFES-20: A skin lesion dataset composed of patient data and clinical "
    "images "
    "collected from smartphones. Data in Brief 32, 106221 (2020)",
    url="https://doi.org/10.17632/zr7vgbcyr2.1",
    layout="metadata.csv and the PNG files of images/imgs_part_1 to imgs_part_3 in any folders below",
    notes="Findings are the answers recorded with the lesion; where the answer is UNK, the cell is empty. "
    "Skin cancers are proven by biopsy, the other diagnoses mostly clinical. "
    "SCC includes Bowen's disease.",
)


def read(root: Path) -> ImageColumns:
    """Images by the table's file names, in its order."""
    names = ["img_id", "patient_id", "lesion_id", "diagnostic"]
    more = [*SIGNS, "age", "gender", "region", "fitspatrick", "biopsed"]
    cells = read_columns(require_file(root, ["metadata.csv"]), names, optional=more)
    images = images_by_name(root)
    ages, types = years(cells["age"]), skin_types(cells["fitspatrick"])
    return ImageColumns(
        image=[images.get(name, "") for name in cells["img_id"]],
        id=[Path(name).stem for name in cells["img_id"]],
        label=cells["diagnostic"],
        patient=cells["patient_id"],
        findings={sign: yes_or_no(cells[sign]) for sign in SIGNS},
        attributes={
            "sex": sexes(cells["gender"]),
            "age": ages,
            "age_group": skin_age_groups(ages),
            "site": [site.lower() for site in known(cells["region"])],
            "skin_type": types,
            "skin_type_group": skin_type_groups(types),
            "confirmation": [
                {"1": "biopsy", "0": "clinical"}.get(cell, "") for cell in yes_or_no(cells["biopsed"])
            ],
        },
    )


PAD_UFES_20 = DataSet(FACTS, read)
