"""Pneumonia in children, from Guangzhou."""

import re
from pathlib import Path, PurePosixPath

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import ClassCount, DataSet, Facts
from models.datasets.library.layout import images_by_path
from models.errors import ModelsError

CLASSES = {"NORMAL": "normal", "PNEUMONIA": "pneumonia"}
PERSON = re.compile(r"(person\d+)_(bacteria|virus)_")
SERIES = re.compile(r"((?:NORMAL2-)?IM-\d+)")
NUMBERED = re.compile(r"(BACTERIA|VIRUS|NORMAL)-(\d+)-")


def read(root: Path) -> ImageColumns:
    """Images by folder: train, test (and val) with NORMAL and PNEUMONIA in each."""
    paths = [path for path in images_by_path(root) if class_folder(path) and "__MACOSX" not in path]
    if not paths:
        raise ModelsError(f"{root} has no images in folders NORMAL and PNEUMONIA; give the unpacked folder")
    named = [PurePosixPath(path) for path in paths]
    tails = ["/".join(path.parts[-3:]) for path in named]
    chosen = sorted({tail: place for place, tail in reversed(list(enumerate(tails)))}.values())
    named = [named[place] for place in chosen]
    return ImageColumns(
        image=[str(path) for path in named],
        id=["/".join(path.with_suffix("").parts[-3:]) for path in named],
        label=[CLASSES[path.parent.name] for path in named],
        patient=[patient_of(path.stem) for path in named],
        attributes={
            "cause": [cause_of(path.stem) for path in named],
            "view": ["AP"] * len(named),
            "source": ["guangzhou_womens_childrens"] * len(named),
            "official_split": [path.parts[-3] if len(path.parts) > 2 else "" for path in named],
        },
    )


def class_folder(path: str) -> bool:
    """Whether the image lies in the folder of a class."""
    return PurePosixPath(path).parent.name in CLASSES


def patient_of(stem: str) -> str:
    """The patient as far as the file name tells; empty where it does not."""
    if found := PERSON.match(stem) or SERIES.match(stem):
        return found[1]
    numbered = NUMBERED.match(stem)
    return numbered[2] if numbered else ""


def cause_of(stem: str) -> str:
    """Bacteria or virus as the file name tells; empty for normal images."""
    found, numbered = PERSON.match(stem), NUMBERED.match(stem)
    told = found[2] if found else (numbered[1].lower() if numbered else "")
    return "" if told == "normal" else told


KERMANY_PNEUMONIA = DataSet(
    facts=Facts(
        name="kermany-pneumonia",
        title="Chest X-Ray Images (Pneumonia), Guangzhou",
        modality="chest X-ray",
        classes=(ClassCount("normal", 1583), ClassCount("pneumonia", 4273)),
        attributes=("cause", "view", "official_split", "source"),
        images=5856,
        licence="CC BY 4.0",
        access="open",
        terms="Attribution.",
        citation=(
            "Kermany et al., Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep "
            "Learning, Cell 172(5), 2018; Mendeley Data doi:10.17632/rscbjbr9sj"
        ),
        url="https://data.mendeley.com/datasets/rscbjbr9sj",
        layout="train/, test/ and, in the Kaggle form, val/, each with NORMAL/ and PNEUMONIA/; or the folder "
        "above them",
        notes="Children of 1 to 5 years. The patient is read off the file name (person number, series, or "
        "number of a later release), which is a heuristic: the same number may be used for two children. "
        "Counts are those of the Kaggle form. Its val folder has 16 images.",
    ),
    read=read,
)
