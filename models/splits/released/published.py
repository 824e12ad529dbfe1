"""What was counted in the split files of the twenty sets published with KnoBo (arXiv 2405.14839), as data.

The spelling of the skin classes in the files, and of those of `vindr-cxr`, is not vouched for; counts are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.errors import ModelsError

PartCounts = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Published:
    """One of the twenty.

    Attributes:
        name: Folder of its split files.
        modality: `xray` or `skin`.
        counts: Entries in train, val and test by class.
        attribute: The confounder; empty for an unconfounded set.
        test_in_train: Test entries whose patient is in train; None where it was not counted.
        val_in_train: The same for val.
        shared: Images in two parts, for train/val, train/test, val/test; None where it was not counted.
        within: Superfluous entries of an image in train, val, test; None where it was not counted.
        conflicting: Images listed under two classes; None where it was not counted.
        printed: Totals of train, val, test in the paper where they differ from the files.
    """

    name: str
    modality: str
    counts: Mapping[str, PartCounts]
    attribute: str = ""
    test_in_train: int | None = None
    val_in_train: int | None = None
    shared: PartCounts | None = None
    within: PartCounts | None = None
    conflicting: int | None = None
    printed: PartCounts | None = field(default=None)

    @property
    def totals(self) -> PartCounts:
        """Entries of train, val and test."""
        train, val, test = (sum(column) for column in zip(*self.counts.values(), strict=True))
        return train, val, test


def pair(names: tuple[str, str], counts: PartCounts) -> dict[str, PartCounts]:
    """Two classes of equal counts."""
    return dict.fromkeys(names, counts)


ATELECTASIS_EFFUSION = ("Atelectasis", "Effusion")
FINDING = ("No Finding", "Has Finding")
BENIGN_MALIGNANT = ("benign", "malignant")

PUBLISHED: tuple[Published, ...] = (
    Published(
        "NIH-sex",
        "xray",
        pair(ATELECTASIS_EFFUSION, (1500, 250, 500)),
        attribute="sex",
        test_in_train=247,
        val_in_train=283,
    ),
    Published(
        "NIH-age",
        "xray",
        pair(FINDING, (1500, 250, 250)),
        attribute="age_group",
        test_in_train=202,
        val_in_train=230,
    ),
    Published(
        "NIH-pos",
        "xray",
        pair(ATELECTASIS_EFFUSION, (1500, 150, 150)),
        attribute="view",
        test_in_train=109,
        val_in_train=161,
    ),
    Published(
        "CheXpert-race",
        "xray",
        pair(FINDING, (2000, 250, 250)),
        attribute="race",
        test_in_train=71,
        val_in_train=186,
    ),
    Published(
        "NIH-CheXpert",
        "xray",
        pair(ATELECTASIS_EFFUSION, (2500, 500, 500)),
        attribute="source",
        test_in_train=168,
        val_in_train=305,
    ),
    Published(
        "pneumonia", "xray", {"NORMAL": (1341, 8, 234), "PNEUMONIA": (3875, 8, 390)}, test_in_train=320
    ),
    Published(
        "COVID-QU",
        "xray",
        {
            "COVID": (2892, 361, 360),
            "Lung Opacity": (4809, 601, 601),
            "Normal": (8153, 1019, 1019),
            "Viral Pneumonia": (1076, 134, 134),
        },
    ),
    Published(
        "NIH-CXR",
        "xray",
        {
            "Atelectasis": (2978, 421, 816),
            "Cardiomegaly": (741, 111, 241),
            "Effusion": (2754, 376, 825),
            "Consolidation": (930, 131, 249),
            "Edema": (449, 63, 116),
            "Pneumonia": (214, 38, 70),
        },
        test_in_train=1497,
        val_in_train=762,
    ),
    Published(
        "open-i",
        "xray",
        {"Cardiomegaly": (183, 93, 192), "Lung Opacity": (203, 94, 189), "Normal": (498, 251, 509)},
        test_in_train=31,
        shared=(15, 31, 16),
        within=(18, 5, 19),
        conflicting=104,
    ),
    Published(
        "vindr-cxr",
        "xray",
        dict.fromkeys(
            (
                "No finding",
                "Aortic enlargement",
                "Cardiomegaly",
                "Pulmonary fibrosis",
                "Lung Opacity",
                "Pleural thickening",
                "Nodule/Mass",
            ),
            (200, 25, 25),
        ),
    ),
    Published("ISIC-sex", "skin", pair(BENIGN_MALIGNANT, (1200, 150, 150)), attribute="sex"),
    Published("ISIC-age", "skin", pair(BENIGN_MALIGNANT, (1400, 150, 150)), attribute="age_group"),
    Published("ISIC-site", "skin", pair(BENIGN_MALIGNANT, (1000, 300, 300)), attribute="site_group"),
    Published("ISIC-color", "skin", pair(BENIGN_MALIGNANT, (900, 130, 130)), attribute="skin_type_group"),
    Published(
        "ISIC-hospital",
        "skin",
        pair(BENIGN_MALIGNANT, (1500, 500, 500)),
        attribute="source",
        printed=(2400, 280, 280),
    ),
    Published(
        "HAM10000",
        "skin",
        {
            "AK": (261, 33, 33),
            "BCC": (411, 51, 52),
            "BKL": (879, 110, 110),
            "DF": (92, 11, 12),
            "NV": (5364, 670, 671),
            "MEL": (890, 111, 112),
            "VASC": (113, 14, 15),
        },
    ),
    Published(
        "BCN20000",
        "skin",
        dict.fromkeys(
            ("nevus", "melanoma", "basal cell carcinoma", "actinic, seborrheic keratosis"), (1200, 200, 200)
        ),
    ),
    Published(
        "PAD-UFES-20",
        "skin",
        {
            "Basal, Squamous Cell Carcinoma": (837, 100, 100),
            "Actinic, Seborrheic Keratosis": (765, 100, 100),
        },
        test_in_train=114,
        val_in_train=107,
    ),
    Published("Melanoma", "skin", {"maliganant": (4105, 500, 500), "benign": (4500, 500, 500)}),
    Published("UWaterloo", "skin", {"melanoma": (99, 10, 10), "not melanoma": (67, 10, 10)}),
)


def published_named(name: str) -> Published:
    """What was counted in the split files of a folder of that name.

    Raises:
        ModelsError: None of the twenty has that name.
    """
    known = {published.name.casefold(): published for published in PUBLISHED}
    if name.casefold() not in known:
        names = ", ".join(published.name for published in PUBLISHED)
        raise ModelsError(f"no split named {name} was published with KnoBo; there are {names}")
    return known[name.casefold()]
