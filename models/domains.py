"""Splits that move the domain between training and testing, with the checks that come before any number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from models.collecting import uncollected
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.cells import (
    Digest,
    cell_of,
    contents_of,
    count_cells,
    file_digest,
    of_classes,
    require_cells,
    require_values,
    without_conflicts,
    without_copies,
    witnesses_of,
)
from models.splits.checks import check_split
from models.splits.files import load_split, save_split
from models.splits.patients import assign, balance, divide
from models.splits.same_patient import linked
from models.splits.strength import Pairing, PartSizes, lend, mix, require_strength
from models.splits.types import PARTS, Check, DomainSplit

__all__ = [
    "PARTS",
    "Check",
    "DomainSplit",
    "PartSizes",
    "check_split",
    "confounded",
    "load_split",
    "plain",
    "save_split",
]

Fractions = tuple[float, float, float]


@uncollected()
def confounded(
    records: Sequence[ImageRecord],
    *,
    name: str,
    classes: tuple[str, str],
    attribute: str,
    values: tuple[str, str],
    seed: int,
    fractions: Fractions = (0.6, 0.2, 0.2),
    maximum: int | None = None,
    minimum: int = 10,
    strength: float = 1.0,
    sizes: PartSizes | None = None,
    digest: Digest = file_digest,
) -> DomainSplit:
    """A split in which an attribute predicts the class, until the shifted part reverses it.

    Train, validation and in_domain hold the first class with the first value and the second class with the
    second or, below full strength, this share of each class so and the rest the other way round; shifted
    holds the two other cells alone, at any strength. Every part has equally many images of both classes, no
    patient is in two parts (`models.splits.patients.divide` says what gives way; patients who share an image
    are one), no image occurs twice, and images whose copies have different labels, be it one of no class of
    the split, are left out.

    Args:
        records: Images of one manifest, or of several for `attribute="dataset"` or their common column.
        name: Of the split.
        classes: Two classes; their order gives the label integers.
        attribute: The confounder.
        values: The value that goes with each class in training.
        seed: Of every draw.
        fractions: Of the images that may train, for train, validation and in_domain; unused with `sizes`.
        maximum: Most images of each class in train.
        minimum: Fewest images in each of the four cells.
        strength: Share of each class that goes with its value wherever the model learns, from 0.5 to 1.
        sizes: Most images of each class in each part.
        digest: Content of an image, equal for copies; reads the files unless given.

    Raises:
        ModelsError: Unknown class, attribute or value (the message lists those there are), too small a cell.
    """
    require_fractions(fractions)
    require_strength(strength)
    require_values(of_classes(records, classes), attribute, values)
    aligned = tuple(zip(classes, values, strict=True))
    opposite = tuple(zip(classes, reversed(values), strict=True))
    pairing = Pairing(attribute, aligned, opposite, strength)
    witnesses = witnesses_of(records, classes)
    contents = contents_of(witnesses, digest)
    sound = sound_of(witnesses, classes, contents)
    cells = [record for record in sound if cell_of(record, attribute) in (*aligned, *opposite)]
    usable = without_copies(cells, contents)
    require_cells(name, count_cells(usable, attribute), (*aligned, *opposite), minimum)
    generator = np.random.default_rng(seed)
    here, shifted = divide(
        usable, attribute=attribute, aligned=aligned, opposite=opposite, generator=generator
    )
    shares = fractions if sizes is None else sizes.fractions
    if strength < 1 or sizes is not None:
        here, shifted = lend(
            usable,
            shifted=shifted,
            pairing=pairing,
            wanted=most_wanted(maximum, sizes, shares),
            kept=None if sizes is None else sizes.shifted,
            generator=generator,
        )
    parts = assign(
        here, fractions=shares, generator=generator, stratum=lambda record: cell_of(record, attribute)
    )
    most = [maximum, None, None] if sizes is None else [sizes.train, sizes.validation, sizes.in_domain]
    parts = [
        mix(part, pairing=pairing, generator=generator, maximum=limit)
        for part, limit in zip(parts, most, strict=True)
    ]
    parts.append(balance(shifted, generator=generator))
    return finish(name, classes, attribute, parts, records, digest=lambda record: contents[record.id])


def sound_of(
    witnesses: Sequence[ImageRecord], classes: Sequence[str], contents: Mapping[str, str]
) -> list[ImageRecord]:
    """Images of some classes by id, without contradictions; patients who share an image are one."""
    chosen = of_classes(linked(witnesses, contents), classes)
    return without_conflicts(chosen, contents, witnesses=witnesses)


def most_wanted(maximum: int | None, sizes: PartSizes | None, fractions: Fractions) -> float | None:
    """Most images of each class that the three parts beside shifted take, where there is a limit."""
    if sizes is not None:
        return sizes.here
    return None if maximum is None else maximum / fractions[0]


@uncollected()
def plain(
    records: Sequence[ImageRecord],
    *,
    name: str,
    classes: Sequence[str],
    seed: int,
    fractions: Fractions = (0.6, 0.2, 0.2),
    digest: Digest = file_digest,
) -> DomainSplit:
    """A split without a shift: each part has its fraction of each class, and no patient is in two parts.

    Copies and contradictions are left out as in `confounded`; `shifted` is empty.

    Raises:
        ModelsError: Unknown class, or a part without images of some class.
    """
    require_fractions(fractions)
    of_classes(records, classes)  # a wrong name is told before any file is read
    witnesses = witnesses_of(records, classes)
    contents = contents_of(witnesses, digest)
    usable = without_copies(sound_of(witnesses, classes, contents), contents)
    parts = assign(usable, fractions=fractions, generator=np.random.default_rng(seed))
    return finish(name, tuple(classes), "", [*parts, []], records, digest=lambda record: contents[record.id])


def require_fractions(fractions: Fractions) -> None:
    """Refuse fractions that are not shares of one whole."""
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        given = ", ".join(f"{share:g}" for share in fractions)
        raise ModelsError(f"the fractions of a split must be positive and add up to 1, not {given}")


def finish(
    name: str,
    classes: tuple[str, ...],
    attribute: str,
    parts: Sequence[Sequence[ImageRecord]],
    records: Sequence[ImageRecord],
    *,
    digest: Digest,
) -> DomainSplit:
    """The split with its checks; a part in which a class is missing is refused."""
    inside = sorted((record for part in parts for record in part), key=lambda record: record.id)
    train, validation, in_domain, shifted = (tuple(sorted(record.id for record in part)) for part in parts)
    require_every_class(name, classes, parts if attribute else parts[:3])
    split = DomainSplit(
        name=name,
        classes=classes,
        attribute=attribute,
        train=train,
        validation=validation,
        in_domain=in_domain,
        shifted=shifted,
        label={record.id: record.label or "" for record in inside},
        patient={record.id: record.patient for record in inside if record.patient is not None},
        checks=(),
    )
    return replace(split, checks=check_split(split, records, digest=digest))


def require_every_class(name: str, classes: Sequence[str], parts: Sequence[Sequence[ImageRecord]]) -> None:
    """Refuse a split that leaves a part without one of the classes."""
    for part, members in zip(PARTS, parts, strict=False):
        counts = Counter(record.label for record in members)
        absent = [label for label in classes if not counts[label]]
        if absent:
            message = (
                f"split {name} leaves no image of {', '.join(absent)} for {part}; "
                "its patients are too few: give it more images or other fractions"
            )
            raise ModelsError(message)
