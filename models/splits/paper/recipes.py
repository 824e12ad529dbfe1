"""The ten confounded splits of the KnoBo paper as recipes: which images, which confounder, how many."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.errors import ModelsError
from models.splits.released.published import published_named
from models.splits.strength import PartSizes


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one split is made.

    Attributes:
        name: As in the paper.
        data_sets: Names of the public data sets that give the images.
        classes: In the order of the label integers.
        attribute: The confounder, by its name in the records.
        values: The value that goes with each class where the model learns. The paper says it for
            NIH-CheXpert alone; for the others the choice is ours.
        findings: Columns that must be 1 for an image to be of a class, by class, the first that a data set
            has; empty where the label of the record is the class.
        note: What else to know.
    """

    name: str
    data_sets: tuple[str, ...]
    classes: tuple[str, str]
    attribute: str
    values: tuple[str, str]
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str = ""

    @property
    def sizes(self) -> PartSizes:
        """Images of each class: train, validation and shifted as published for train, val and test.

        The fourth part, which is reported and does not select, is as large as validation.
        """
        train, val, test = next(iter(published_named(self.name).counts.values()))
        return PartSizes(train=train, validation=val, in_domain=val, shifted=test)


NIH, CHEXPERT, ISIC = "nih-chestxray14", "chexpert", "isic-archive"
LUNG = ("Atelectasis", "Effusion")
LUNG_FINDINGS = {"Atelectasis": ("Atelectasis",), "Effusion": ("Effusion", "Pleural Effusion")}
FINDING = ("No Finding", "Has Finding")
FINDING_FINDINGS = {name: (name,) for name in FINDING}
SKIN = ("benign", "malignant")

RECIPES: tuple[Recipe, ...] = (
    Recipe("NIH-sex", (NIH,), LUNG, "sex", ("M", "F"), LUNG_FINDINGS),
    Recipe("NIH-age", (NIH,), FINDING, "age_group", ("<=30", ">=60"), FINDING_FINDINGS),
    Recipe(
        "NIH-pos",
        (NIH,),
        LUNG,
        "view",
        ("PA", "AP"),
        LUNG_FINDINGS,
        "PA is taken standing, AP most often lying.",
    ),
    Recipe(
        "CheXpert-race",
        (CHEXPERT,),
        FINDING,
        "race",
        ("White", "Black"),
        FINDING_FINDINGS,
        "Race is in a table that is handed out apart from the images.",
    ),
    Recipe(
        "NIH-CheXpert",
        (NIH, CHEXPERT),
        LUNG,
        "source",
        ("nih_clinical_center", "stanford"),
        LUNG_FINDINGS,
    ),
    Recipe("ISIC-sex", (ISIC,), SKIN, "sex", ("M", "F")),
    Recipe("ISIC-age", (ISIC,), SKIN, "age_group", ("<=30", ">=70")),
    Recipe("ISIC-site", (ISIC,), SKIN, "site_group", ("head", "extremity")),
    Recipe(
        "ISIC-color",
        (ISIC,),
        SKIN,
        "skin_type_group",
        ("I", "III-V"),
        note="The paper takes skin types from annotations made by others; where they are at hand, they "
        "belong into the column skin_type_group.",
    ),
    Recipe(
        "ISIC-hospital",
        (ISIC,),
        SKIN,
        "source",
        ("barcelona", "vienna"),
        note="Sizes are those of the published files (3000/1000/1000 for both classes together); the paper's "
        "table gives 2400/280/280.",
    ),
)


def recipe_named(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ModelsError: The paper has no such confounded split.
    """
    known = {recipe.name.casefold(): recipe for recipe in RECIPES}
    if name.casefold() not in known:
        message = f"the paper has no confounded split named {name}"
        raise ModelsError(f"{message}; it has {', '.join(recipe.name for recipe in RECIPES)}")
    return known[name.casefold()]
