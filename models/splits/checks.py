"""Recounts a finished split from the records: overlap, copies, contradictions and group sizes."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.cells import Digest, attribute_of, contents_of, file_digest
from models.splits.types import Check, DomainSplit

FEWEST = 10  # images of a class in a part, below which its rate says nothing
IDS_SHOWN = 3


def check_split(
    split: DomainSplit, records: Sequence[ImageRecord], *, digest: Digest = file_digest
) -> tuple[Check, ...]:
    """Look at a split with fresh eyes; nothing is taken over from how it was made.

    Args:
        split: The split; its own `checks` are not read.
        records: All records it was drawn from.
        digest: Content of an image, equal for copies.

    Raises:
        ModelsError: An image of the split is not among the records.
    """
    relevant = [record for record in records if record.label in split.classes]
    absent = set(split.ids) - {record.id for record in relevant}
    if absent:
        message = f"{len(absent)} images of split {split.name} are not in the data (first {min(absent)})"
        raise ModelsError(f"{message}; make the split again")
    contents = contents_of(relevant, digest)
    return (
        patient_overlap(split, relevant),
        duplicate_images(split, contents),
        conflicting_labels(split, relevant, contents),
        cell_counts(split, relevant),
    )


def patient_overlap(split: DomainSplit, records: Sequence[ImageRecord]) -> Check:
    """Whether a patient is in two parts; where patients are not known this is said, not assumed."""
    patient_of = {record.id: record.patient for record in records}
    members = {part: {patient_of.get(image) for image in ids} - {None} for part, ids in split.parts.items()}
    counts = {f"{one}/{two}": len(members[one] & members[two]) for one, two in combinations(members, 2)}
    unknown = sum(patient_of.get(image) is None for image in split.ids)
    overlap = any(counts.values())
    known = len(set().union(*members.values()))
    if overlap:
        pairs = ", ".join(f"{pair} {count}" for pair, count in counts.items() if count)
        message = f"patients are in two parts ({pairs}), so the parts are not independent"
    elif unknown:
        message = f"{unknown} of {len(split.ids)} images have no patient id, so overlap cannot be ruled out"
    else:
        message = f"none of {known} patients is in two parts"
    counts |= {"patients": known, "images_without_patient": unknown}
    return Check("patient_overlap", not overlap and not unknown, overlap, message, counts)


def duplicate_images(split: DomainSplit, contents: dict[str, str]) -> Check:
    """Whether an image occurs twice, in two parts or in one; copies left out of the split are counted."""
    parts_of: dict[str, list[str]] = {}
    for part, ids in split.parts.items():
        for image in ids:
            parts_of.setdefault(contents[image], []).append(part)
    across = sum(len(set(parts)) > 1 for parts in parts_of.values())
    within = sum(len(parts) - len(set(parts)) for parts in parts_of.values())
    inside = set(split.ids)
    left_out = sum(content in parts_of for image, content in contents.items() if image not in inside)
    counts = {"across_parts": across, "within_a_part": within, "copies_left_out": left_out}
    message = (
        f"{across} images are in two parts, {within} twice in one part; {left_out} other copies were left out"
    )
    return Check("duplicate_images", not across and not within, False, message, counts)


def conflicting_labels(split: DomainSplit, records: Sequence[ImageRecord], contents: dict[str, str]) -> Check:
    """Whether copies of one image have different labels; such images should be in no part."""
    labels: dict[str, set[str | None]] = {}
    for record in records:
        labels.setdefault(contents[record.id], set()).add(record.label)
    conflicts = {content for content, names in labels.items() if len(names) > 1}
    inside = [image for image in split.ids if contents[image] in conflicts]
    examples = f" ({', '.join(inside[:IDS_SHOWN])})" if inside else ""
    message = (
        f"{len(conflicts)} images occur with different labels; {len(inside)} of their copies are in the split"
        f"{examples}"
    )
    counts = {"images": len(conflicts), "copies_in_split": len(inside)}
    return Check("conflicting_labels", not inside, False, message, counts)


def cell_counts(split: DomainSplit, records: Sequence[ImageRecord]) -> Check:
    """Whether each part holds enough of each class, and whether the attribute really moves.

    Fatal where a class is absent from a part, or has a value of the attribute both in train and in shifted.
    """
    value_of = {record.id: attribute_of(record, split.attribute) for record in records}
    cells = Counter(
        (part, split.label[image], value_of[image]) for part, ids in split.parts.items() for image in ids
    )
    sizes = Counter[tuple[str, str]]()
    for (part, label, _), count in cells.items():
        sizes[part, label] += count
    used = [part for part, ids in split.parts.items() if ids or part != "shifted" or split.attribute]
    absent = [f"{part}/{label}" for part in used for label in split.classes if not sizes[part, label]]
    small = [
        f"{part}/{label} {sizes[part, label]}"
        for part in used
        for label in split.classes
        if 0 < sizes[part, label] < FEWEST
    ]
    unmoved = [
        f"{label}/{value}"
        for part, label, value in cells
        if split.attribute and part == "shifted" and cells["train", label, value]
    ]
    return Check(
        "cell_counts",
        not absent and not small and not unmoved,
        bool(absent or unmoved),
        describe_sizes(absent, small, unmoved, sizes),
        {"/".join(filter(None, cell)): count for cell, count in sorted(cells.items())},
    )


def describe_sizes(
    absent: list[str], small: list[str], unmoved: list[str], sizes: Counter[tuple[str, str]]
) -> str:
    """One sentence on the sizes, the gravest finding first."""
    if absent:
        return f"no images of {', '.join(absent)}"
    if unmoved:
        return f"the shifted part repeats cells of train: {', '.join(unmoved)}"
    if small:
        return f"fewer than {FEWEST} images of {', '.join(small)}, too few to say anything"
    return f"each part has {min(sizes.values(), default=0)} or more images of each class"
