"""A split as the checks see it: which record lies in which part, and what its file holds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.cells import Digest, values_of, witnesses_of
from models.splits.types import DomainSplit

LEFT_OUT = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """An image in a part.

    Attributes:
        part: E.g. `train`; empty for an image that was left out.
        record: What is known of it. The same id may be placed more than once, as published splits do.
        content: Digest of its file; empty where it is not known.
    """

    part: str
    record: ImageRecord
    content: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A split to be looked at.

    Attributes:
        name: Of the split.
        classes: In the order of the label integers.
        attribute: The confounder; empty for a plain split.
        parts: Names of the parts, from the one that trains to the one that is furthest from it.
        images: Every image, those that were left out among them.
    """

    name: str
    classes: tuple[str, ...]
    attribute: str
    parts: tuple[str, ...]
    images: tuple[Placed, ...]

    def inside(self) -> list[Placed]:
        """Images in a part."""
        return [each for each in self.images if each.part != LEFT_OUT]


def count_placed(images: Sequence[Placed], attribute: str) -> Counter[tuple[str, str, str]]:
    """Images by part, class and value, empty where unknown."""
    records = [each.record for each in images]
    parts = [each.part for each in images]
    return Counter(
        zip(parts, [record.label or "" for record in records], values_of(records, attribute), strict=True)
    )


def listing_of(split: DomainSplit, records: Sequence[ImageRecord], *, digest: Digest) -> Listing:
    """A split with its records and those that were left out.

    Args:
        split: The split; its own `checks` are not read.
        records: All records it was drawn from.
        digest: Content of an image, equal for copies.

    Raises:
        ModelsError: An image of the split is not among the records, or has another label there.
    """
    record_of = {record.id: record for record in records}
    absent = [image for image in split.ids if not same_label(split, record_of.get(image))]
    if absent:
        message = f"{len(absent)} images of split {split.name} are not in the data (first {min(absent)})"
        raise ModelsError(f"{message}; make the split again")
    inside = set(split.ids)
    heard = {record.id for record in witnesses_of(records, split.classes)}
    placed = [
        Placed(part, record_of[image], digest(record_of[image]))
        for part, ids in split.parts.items()
        for image in ids
    ]
    placed += [
        Placed(LEFT_OUT, record, digest(record) if record.id in heard else "")
        for record in records
        if record.id not in inside
    ]
    return Listing(split.name, split.classes, split.attribute, tuple(split.parts), tuple(placed))


def same_label(split: DomainSplit, record: ImageRecord | None) -> bool:
    """Whether there is such a record, of the class under which the split has it."""
    return record is not None and record.label == split.label[record.id]
