"""What the path of an image tells, data set by data set: which image it is, and which patient.

The folders are those under which the published splits keep the images; the patterns fit the names that the
owners of the data sets gave their files, so that they find the same image in the owner's own layout.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from re import Pattern


@dataclass(frozen=True)
class Source:
    """How one data set names its files.

    Attributes:
        folder: First component of a published path.
        image: Pattern of what names the image, at the end of a path without its suffix, in any case.
        patient: Pattern whose first group names the patient; empty where names do not tell.
        certain: Whether the owner gave the name this meaning; else it is a heuristic.
    """

    folder: str
    image: str
    patient: str = ""
    certain: bool = True

    @cached_property
    def image_pattern(self) -> Pattern[str]:
        """Compiled once; anchored at a separator and at the end."""
        return re.compile(rf"(?:^|/)(?:{self.image})$", re.IGNORECASE)

    @cached_property
    def patient_pattern(self) -> Pattern[str]:
        """Compiled once."""
        return re.compile(self.patient, re.IGNORECASE)


ISIC = r"(isic_\d+)(?:_downsampled)?"

SOURCES: tuple[Source, ...] = (
    Source("NIH-CXR", r"(\d{8}_\d{3})", patient=r"(\d{8})_\d{3}$"),
    Source(
        "CheXpert-v1.0",
        r"((?:train|valid|test)/patient\d+/study\d+/view\d+_\w+)",
        patient=r"(patient\d+)/study\d+/",
    ),
    Source(
        "pneumonia",
        r"((?:train|val|test)/(?:normal|pneumonia)/[^/]+)",
        patient=r"/(person\d+)_(?:bacteria|virus)_",
        certain=False,
    ),
    Source("COVID-QU", r"((?:covid|lung_opacity|normal|viral pneumonia)-\d+)"),
    Source("open-i", r"(?:cxr)?(\d+_im-\d+-[\d-]+?)(?:\.dcm)?", patient=r"(\d+)_im-\d+-"),
    Source("vindr-cxr", r"([0-9a-f]{32})"),
    Source("ISIC", ISIC),
    Source("HAM10000", ISIC),
    Source("BCN20000", ISIC),
    Source("PAD-UFES-20", r"(pat_\d+_\d+_\d+)", patient=r"(pat_\d+)_\d+_\d+$"),
    Source("Melanoma", r"((?:train|test)/(?:benign|malignant)/[^/]+)"),
    Source("UWaterloo", r"((?:notmelanoma|melanoma)/[^/]+/[^/]+)"),
)


@dataclass(frozen=True, slots=True)
class NamedImage:
    """What a path tells.

    Attributes:
        image: Key of the image in all layouts of its data set, e.g. `nih-cxr/00000001_000`.
        patient: Key of its patient; None where the name does not tell.
        certain: Whether the patient is more than a guess from the name.
    """

    image: str
    patient: str | None
    certain: bool


BY_FOLDER = {source.folder.casefold(): source for source in SOURCES}


def source_of(path: str) -> Source | None:
    """The data set of a published path; None where its folder is not known."""
    return BY_FOLDER.get(path.split("/", 1)[0].casefold())


def named_image(path: str) -> NamedImage:
    """What a published path tells; an unknown folder or an odd name gives the path itself and no patient."""
    source = source_of(path)
    stem = without_suffix(path)
    if source is None:
        return NamedImage(stem.casefold(), None, certain=False)
    patient = source.patient_pattern.search(stem) if source.patient else None
    return NamedImage(
        key_in(source, path) or stem.casefold(),
        f"{source.folder}/{patient[1].casefold()}" if patient else None,
        certain=source.certain,
    )


def key_in(source: Source, path: str) -> str | None:
    """Key of the image at a path, which may lie in any folder, if its name is one of that data set."""
    found = source.image_pattern.search(without_suffix(path.replace("\\", "/")))
    return f"{source.folder.casefold()}/{found[1].casefold()}" if found else None


def without_suffix(path: str) -> str:
    """The path without the last suffix of its name."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.rsplit('.', 1)[0]}"
