"""The two COVID-19 collections of Qatar University: the radiography database, and COVID-QU-Ex."""

from pathlib import Path, PurePosixPath

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_path
from models.datasets.library.spreadsheet import read_sheet
from models.errors import ModelsError

RADIOGRAPHY = {
    "COVID": "COVID-19",
    "Lung_Opacity": "lung opacity",
    "Normal": "normal",
    "Viral Pneumonia": "viral pneumonia",
}
EXTENDED = {"COVID-19": "COVID-19", "Non-COVID": "other infection", "Normal": "normal"}
PARTS = {"Train": "train", "Val": "val", "Test": "test"}


def read_radiography(root: Path) -> ImageColumns:
    """Images of the four folders, with the address each came from where the owner's workbooks are there."""
    found = [
        path
        for path in map(PurePosixPath, images_by_path(root))
        if "masks" not in path.parts and class_of(path, RADIOGRAPHY)
    ]
    if not found:
        raise ModelsError(f"{root} has no images below {', '.join(RADIOGRAPHY)}; give the folder with these")
    origin = origins(root, {path.parts[: path.parts.index(class_of(path, RADIOGRAPHY))] for path in found})
    return ImageColumns(
        image=[str(path) for path in found],
        id=[path.stem for path in found],
        label=[RADIOGRAPHY[class_of(path, RADIOGRAPHY)] for path in found],
        attributes={"source": [origin.get(path.stem.casefold(), "") for path in found]},
    )


def class_of(path: PurePosixPath, classes: dict[str, str]) -> str:
    """The folder on the way that names a class; empty if none does."""
    return next((part for part in path.parts[:-1] if part in classes), "")


def origins(root: Path, folders: set[tuple[str, ...]]) -> dict[str, str]:
    """Address by file name in small letters, from the workbook of each class."""
    told: dict[str, str] = {}
    for folder in sorted(folders):
        for name in RADIOGRAPHY:
            book = root.joinpath(*folder, f"{name}.metadata.xlsx")
            if book.is_file():
                cells = read_sheet(book, ["FILE NAME", "URL"])
                told |= {
                    file.casefold().removesuffix(".png"): address
                    for file, address in zip(cells["FILE NAME"], cells["URL"], strict=True)
                }
    return told


def read_extended(root: Path) -> ImageColumns:
    """Images (not masks) of the part made for lung segmentation, which holds every image once."""
    found = [
        path
        for path in map(PurePosixPath, images_by_path(root))
        if path.parent.name == "images"
        and path.parts[-3] in EXTENDED
        and part_of(path)
        and not any(part.startswith("Infection") for part in path.parts)
    ]
    if not found:
        layout = "Train, Val and Test with COVID-19, Non-COVID and Normal"
        raise ModelsError(f"{root} has no images below {layout}; give the unpacked folder")
    return ImageColumns(
        image=[str(path) for path in found],
        id=[f"{part_of(path)}/{path.parts[-3]}/{path.stem}" for path in found],
        label=[EXTENDED[path.parts[-3]] for path in found],
        attributes={"official_split": [part_of(path) for path in found]},
    )


def part_of(path: PurePosixPath) -> str:
    """The owner's part, empty where the path does not name one."""
    return PARTS.get(path.parts[-4], "") if len(path.parts) > 3 else ""


COVID_RADIOGRAPHY = DataSet(
    facts=Facts(
        name="covid-qu",
        title="COVID-19 Radiography Database",
        modality="chest X-ray",
        classes=(
            ClassCount("COVID-19", 3616),
            ClassCount("lung opacity", 6012),
            ClassCount("normal", 10192),
            ClassCount("viral pneumonia", 1345),
        ),
        attributes=("source",),
        images=21165,
        licence="As its owners state on Kaggle; not verified here",
        access="registration",
        terms="Cite both papers; the parts keep the terms of the collections they were taken from.",
        citation=(
            "Chowdhury et al., Can AI help in screening Viral and COVID-19 pneumonia?, IEEE Access 8, 2020; "
            "Rahman et al., Exploring the Effect of Image Enhancement Techniques on COVID-19 Detection "
            "using Chest X-ray Images, Computers in Biology and Medicine 132, 2021"
        ),
        url="https://www.kaggle.com/datasets/tawsifurrahman/covid19-radiography-database",
        layout="COVID/, Lung_Opacity/, Normal/, Viral Pneumonia/, each with images/ (or the images alone), "
        "and <class>.metadata.xlsx beside them",
        notes="Its counts, not those of COVID-QU-Ex, are those of the set that KnoBo calls COVID-QU. Every "
        "class comes from other collections (viral pneumonia and some normals are children from "
        "Guangzhou), so class and source are confounded; patients are unknown.",
    ),
    read=read_radiography,
)

COVID_QU_EX = DataSet(
    facts=Facts(
        name="covid-qu-ex",
        title="COVID-QU-Ex",
        modality="chest X-ray",
        classes=(
            ClassCount("COVID-19", 11956),
            ClassCount("other infection", 11263),
            ClassCount("normal", 10701),
        ),
        attributes=("official_split",),
        images=33920,
        licence="As its owners state on Kaggle; not verified here",
        access="registration",
        terms="Cite the papers; the parts keep the terms of the collections they were taken from.",
        citation=(
            "Tahir et al., COVID-19 infection localization and severity grading from chest X-ray images, "
            "Computers in Biology and Medicine 139, 2021"
        ),
        url="https://www.kaggle.com/datasets/anasmohammedtahir/covidqu",
        layout="Lung Segmentation Data/Lung Segmentation Data/{Train,Val,Test}/{COVID-19,Non-COVID,Normal}/"
        "images/, or a folder above or below",
        notes="Infection Segmentation Data repeats some of the images and is passed over. "
        "Patients are unknown.",
    ),
    read=read_extended,
)
