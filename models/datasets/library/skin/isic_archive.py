"""The ISIC archive, as its own tool writes it: a folder of images beside one metadata table."""

from collections.abc import Sequence
from pathlib import Path

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_stem, require_file
from models.datasets.library.skin.words import (
    known,
    site_groups,
    skin_age_groups,
    skin_type_groups,
    skin_types,
)
from models.datasets.library.values import sexes, translated, years
from models.datasets.tables import read_columns

LABELS = {"Benign": "benign", "Malignant": "malignant", "benign": "benign", "malignant": "malignant"}
HOSPITALS = {"barcelona": "barcelona", "vienna": "vienna"}
OPTIONAL = (  # the tool writes only columns that some image of the download has
    "attribution",
    "diagnosis_1",
    "diagnosis_2",
    "diagnosis_3",
    "diagnosis_4",
    "diagnosis_5",
    "benign_malignant",
    "diagnosis",
    "diagnosis_confirm_type",
    "lesion_id",
    "patient_id",
    "sex",
    "age_approx",
    "anatom_site_general",
    "fitzpatrick_skin_type",
    "image_type",
)

FACTS = Facts(
    name="isic-archive",
    title="International Skin Imaging Collaboration (ISIC) archive",
    modality="dermoscopy and clinical photographs",
    classes=(ClassCount("benign"), ClassCount("malignant")),
    attributes=(
        "sex",
        "age",
        "age_group",
        "site",
        "site_group",
        "skin_type",
        "skin_type_group",
        "source",
        "image_type",
        "diagnosis",
        "confirmation",
    ),
    licence="for each image its own: CC-0, CC-BY or CC-BY-NC (column copyright_license)",
    access="open",
    terms="Keep to the licence of each image and name its attribution.",
    citation="International Skin Imaging Collaboration, ISIC Archive, with the attribution of every image",
    url="https://www.isic-archive.com",
    layout="metadata.csv and <isic_id>.jpg beside it, as `isic image download` writes them",
    notes="The archive grows, so there is no fixed count. It holds HAM10000, BCN20000 and other collections, "
    "too: do not read those sets beside it. Indeterminate lesions have no label. Patients are known for some "
    "collections, lesions for more; an image without either stands alone. Ages are rounded and end at 85. "
    "`source` is barcelona or vienna where the attribution names that city, else its text.",
)


def read(root: Path) -> ImageColumns:
    """The archive, or any collection or search of it."""
    cells = read_columns(require_file(root, ["metadata.csv"]), ["isic_id"], optional=OPTIONAL)
    images = images_by_stem(root)
    ages, sites = years(cells["age_approx"]), known(cells["anatom_site_general"])
    types = skin_types(cells["fitzpatrick_skin_type"])
    benign_or_not = first_filled([cells["diagnosis_1"], cells["benign_malignant"]])
    return ImageColumns(
        image=[images.get(given, "") for given in cells["isic_id"]],
        id=cells["isic_id"],
        label=translated(benign_or_not, LABELS),
        patient=patients(cells["patient_id"], cells["lesion_id"]),
        attributes={
            "sex": sexes(cells["sex"]),
            "age": ages,
            "age_group": skin_age_groups(ages),
            "site": sites,
            "site_group": site_groups(sites),
            "skin_type": types,
            "skin_type_group": skin_type_groups(types),
            "source": [hospital(text) for text in cells["attribution"]],
            "image_type": cells["image_type"],
            "diagnosis": first_filled(
                [cells[f"diagnosis_{depth}"] for depth in (3, 2)] + [cells["diagnosis"]]
            ),
            "confirmation": cells["diagnosis_confirm_type"],
        },
    )


def first_filled(columns: Sequence[Sequence[str]]) -> list[str]:
    """For each row the first cell that says something."""
    return [next((cell for cell in row if cell), "") for row in zip(*columns, strict=True)]


def patients(people: Sequence[str], lesions: Sequence[str]) -> list[str]:
    """Who must stay together: the patient, also where only another image of the lesion names them."""
    owner = {lesion: person for person, lesion in zip(people, lesions, strict=True) if person and lesion}
    return [person or owner.get(lesion, lesion) for person, lesion in zip(people, lesions, strict=True)]


def hospital(attribution: str) -> str:
    """A city where the attribution names one of the two large contributors."""
    text = attribution.lower()
    return next((name for city, name in HOSPITALS.items() if city in text), attribution)


ISIC_ARCHIVE = DataSet(FACTS, read)
