"""Sorts images into cells, one for each pair of class and attribute value, and refuses unknown names."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from models.errors import ModelsError
from models.images import ImageRecord, image_digest, require_unique_ids

Cell = tuple[str, str]
Digest = Callable[[ImageRecord], str]

DATA_SET = "dataset"


def file_digest(record: ImageRecord) -> str:
    """SHA-256 of the image file: equal for copies of one image."""
    return image_digest(record.path)


def attribute_of(record: ImageRecord, attribute: str) -> str:
    """A record's value, empty where unknown; `dataset` is what stands before the slash of the id."""
    if attribute == DATA_SET and DATA_SET not in record.attributes:
        return record.id.split("/", 1)[0]
    return record.attributes.get(attribute, "")


def cell_of(record: ImageRecord, attribute: str) -> Cell:
    """Class and value of a record, empty where unknown."""
    return record.label or "", attribute_of(record, attribute)


def values_of(records: Iterable[ImageRecord], attribute: str) -> list[str]:
    """`attribute_of` of many records."""
    if attribute == DATA_SET:
        return [attribute_of(record, attribute) for record in records]
    return [record.attributes.get(attribute, "") for record in records]


def count_cells(records: Iterable[ImageRecord], attribute: str) -> Counter[Cell]:
    """Images by class and value."""
    return Counter(cell_of(record, attribute) for record in records)


def of_classes(records: Sequence[ImageRecord], classes: Sequence[str]) -> list[ImageRecord]:
    """The records of some classes by id; two of one id, or a class without any, are refused."""
    require_unique_ids(records)
    require_known("class", classes, Counter(record.label for record in records if record.label))
    chosen = [record for record in records if record.label in classes]
    return sorted(chosen, key=lambda record: record.id)


def witnesses_of(records: Sequence[ImageRecord], classes: Sequence[str]) -> list[ImageRecord]:
    """The records whose label can contradict one of the classes, those of other classes among them.

    A file that is listed under one of the classes and under another word as well, as when two columns of one
    table are read, is one image in two vocabularies (`pneumonia`, `abnormal`): the other word says nothing.
    """
    labelled = [record for record in records if record.label]
    others = {record.path for record in labelled if record.label not in classes}
    if not others:
        return labelled
    listed = {record.path for record in labelled if record.label in classes} & others
    return [record for record in labelled if record.label in classes or record.path not in listed]


def require_values(records: Sequence[ImageRecord], attribute: str, values: Sequence[str]) -> None:
    """Refuse an attribute or a value that no image has."""
    there = Counter(values_of(records, attribute))
    del there[""]
    if not there:
        names = sorted({name for record in records for name in record.attributes} | {DATA_SET})
        raise ModelsError(f"no image has the attribute {attribute}; there are {', '.join(names)}")
    require_known(f"value of {attribute}", values, there)


def require_known(what: str, wanted: Sequence[str], there: Counter[str]) -> None:
    """Refuse names that are not there, are given twice, or are fewer than two."""
    unknown = [name for name in wanted if not there[name]]
    if unknown:
        listed = ", ".join(f"{name} ({count})" for name, count in there.most_common(20))
        raise ModelsError(f"no image has the {what} {', '.join(unknown)}; there are {listed or 'none'}")
    if len(wanted) < 2 or len(set(wanted)) < len(wanted):
        listed = ", ".join(wanted) or "none"
        raise ModelsError(f"a split needs two or more different names for {what}, not {listed}")


def require_cells(name: str, counts: Counter[Cell], cells: Iterable[Cell], minimum: int) -> None:
    """Refuse a split one of whose cells is too small to say anything about."""
    described = ", ".join(f"{label}/{value} {counts[label, value]}" for label, value in cells)
    if any(counts[cell] < minimum for cell in cells):
        message = (
            f"split {name} needs at least {minimum} images in every cell, there are {described}; "
            "choose other classes or values"
        )
        raise ModelsError(message)


def contents_of(records: Iterable[ImageRecord], digest: Digest) -> dict[str, str]:
    """Content digest by image id."""
    return {record.id: digest(record) for record in records}


def without_conflicts(
    records: Sequence[ImageRecord], contents: Mapping[str, str], *, witnesses: Iterable[ImageRecord] = ()
) -> list[ImageRecord]:
    """Leave out every copy of an image whose copies have different labels, for neither can be trusted.

    Args:
        records: Those to choose from.
        contents: Digest by image id, of the witnesses, too.
        witnesses: Further records, whose labels count although they are not chosen.
    """
    first: dict[str, str | None] = {}
    conflicts = {
        contents[record.id]
        for record in chain(records, witnesses)
        if first.setdefault(contents[record.id], record.label) != record.label
    }
    return [record for record in records if contents[record.id] not in conflicts]


def without_copies(records: Sequence[ImageRecord], contents: Mapping[str, str]) -> list[ImageRecord]:
    """Keep the first of the records that share their content."""
    first: dict[str, ImageRecord] = {}
    for record in records:
        first.setdefault(contents[record.id], record)
    return list(first.values())
