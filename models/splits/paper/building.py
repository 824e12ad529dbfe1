"""Makes a confounded split of the paper anew from the owners' data, no patient in two parts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from models.datasets.library.findings import NEGATIVE, UNCERTAIN, UNKNOWN, labels_among
from models.domains import DomainSplit, confounded
from models.images import ImageRecord
from models.splits.cells import Digest, file_digest
from models.splits.paper.recipes import Recipe


def made_anew(
    recipe: Recipe,
    records: Sequence[ImageRecord],
    *,
    seed: int,
    name: str = "",
    strength: float = 1.0,
    minimum: int = 10,
    digest: Digest = file_digest,
) -> DomainSplit:
    """A confounded split of the paper, as large as published where the patients suffice.

    `shortfalls` counts what is missing.

    Args:
        recipe: From `RECIPES`.
        records: Of the recipe's data sets, with their findings and attributes.
        seed: Of every draw.
        name: Of the split; that of the recipe unless given.
        strength: Share of each class that goes with its value wherever the model learns.
        minimum: Fewest images in each of the four cells.
        digest: Content of an image, equal for copies; reads the files unless given.

    Raises:
        ModelsError: No image of a class, no such attribute, or too few images.
    """
    return confounded(
        labelled(recipe, records),
        name=name or recipe.name,
        classes=recipe.classes,
        attribute=recipe.attribute,
        values=recipe.values,
        seed=seed,
        minimum=minimum,
        strength=strength,
        sizes=recipe.sizes,
        digest=digest,
    )


def labelled(recipe: Recipe, records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Records with the class that the recipe gives them; None for those of neither class, or of both.

    An image shows a class where its finding is present and that of the other class is not: stated to be
    absent, or, for data sets that state nothing (CheXpert), not mentioned. An uncertain finding is neither.
    """
    if not recipe.findings:
        return list(records)
    columns = {
        label: [state(record, names) for record in records] for label, names in recipe.findings.items()
    }
    labels = labels_among(columns, recipe.classes, absent={NEGATIVE, UNKNOWN})
    return [replace(record, label=label or None) for record, label in zip(records, labels, strict=True)]


def state(record: ImageRecord, names: Sequence[str]) -> str:
    """What is known of a finding that data sets call by different names."""
    uncertain = record.attributes.get(UNCERTAIN, "").split("|")
    if set(names) & set(uncertain):
        return "uncertain"
    return next((record.attributes[name] for name in names if name in record.attributes), UNKNOWN)


def reversed_pairing(recipe: Recipe) -> Recipe:
    """The same split with the values exchanged, since the paper does not say which goes with which class."""
    first, second = recipe.values
    return replace(recipe, values=(second, first))


def shortfalls(recipe: Recipe, split: DomainSplit) -> dict[str, int]:
    """Images that each part and class has fewer than the recipe, where it has fewer."""
    missing: dict[str, int] = {}
    for part, ids in split.parts.items():
        counts = Counter(split.label[image] for image in ids)
        for label in recipe.classes:
            lacking = getattr(recipe.sizes, part) - counts[label]
            missing |= {f"{part}/{label}": lacking} if lacking > 0 else {}
    return missing
