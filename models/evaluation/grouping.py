"""Groups of a domain's images by what is known of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.domains import DomainSplit

FEWEST, MOST = 10, 12  # images of a group, groups of an attribute

Attributes = Mapping[str, Mapping[str, str]]  # by image, then by name; missing values are left out


@dataclass(frozen=True, slots=True)
class Group:
    """Images that have something in common.

    Attributes:
        attribute: What groups them, e.g. `sex`.
        name: `sex=F`.
        ids: The images.
    """

    attribute: str
    name: str
    ids: tuple[str, ...]


def groups_of(split: DomainSplit, ids: Sequence[str], attributes: Attributes) -> Iterator[Group]:
    """Groups of some images by each attribute of theirs, the split's own first.

    Left out are groups below `FEWEST` images, and attributes with fewer than two groups, or with more than
    `MOST` values, which name images and do not group them.
    """
    for attribute in names_of(split, ids, attributes):
        known = [(image, attributes.get(image, {}).get(attribute)) for image in ids]
        yield from by_value(attribute, [(image, value) for image, value in known if value is not None])


def names_of(split: DomainSplit, ids: Sequence[str], attributes: Attributes) -> tuple[str, ...]:
    """Attributes that some of the images have, the split's own first."""
    names = sorted({name for image in ids for name in attributes.get(image, {})})
    return tuple(sorted(names, key=lambda name: name != split.attribute))


def by_value(attribute: str, known: Sequence[tuple[str, str]]) -> Iterator[Group]:
    """One group a value, in the order of the values."""
    counts = Counter(value for _, value in known)
    large = sorted(value for value, count in counts.items() if count >= FEWEST)
    if len(counts) > MOST or len(large) < 2:
        return
    for value in large:
        own = tuple(image for image, other in known if other == value)
        yield Group(attribute, f"{attribute}={value}", own)


def cells_of(split: DomainSplit, ids: Sequence[str], attributes: Attributes) -> Iterator[Group]:
    """Groups by class and the split's attribute: the cells that training on a shortcut treats differently."""
    if not split.attribute:
        return
    known = [
        (image, f"{value}, {split.label[image]}")
        for image in ids
        if (value := attributes.get(image, {}).get(split.attribute)) is not None
    ]
    yield from by_value(split.attribute, known)


def small_group_notes(split: DomainSplit, ids: Sequence[str], attributes: Attributes) -> Iterator[str]:
    """A sentence for each attribute some of whose groups are too small, or too many."""
    for attribute in names_of(split, ids, attributes):
        counts = Counter(
            value for image in ids if (value := attributes.get(image, {}).get(attribute)) is not None
        )
        small = {value: count for value, count in counts.items() if count < FEWEST}
        if len(counts) > MOST:
            yield f"{attribute} on {split.name} has {len(counts)} values and makes no groups."
        elif small:
            listed = ", ".join(f"{value} ({count})" for value, count in sorted(small.items()))
            yield f"Groups of {attribute} on {split.name} with fewer than {FEWEST} images: {listed}."
