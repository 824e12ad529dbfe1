"""Looks at a published split as at any other: patients and images in two parts, and contradicting labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.images import ImageRecord
from models.splits.checks import CheckFinding, Listing, Placed, inspect
from models.splits.released.files import RELEASED_PARTS, Entry, ReleasedSplit
from models.splits.released.sources import named_image

Patients = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """What two parts share; a pair is the earlier part, a slash, and the later one.

    Attributes:
        images: Entries of each part.
        patients: Entries of the later part whose patient is in the earlier one, e.g. under `train/test`.
        patients_unknown: Entries whose patient is not known, of all parts.
        shared: Images that are in both parts.
        within: Superfluous entries of an image that a part lists more than once.
        conflicting: Images that are listed under more than one class.
    """

    images: Mapping[str, int]
    patients: Mapping[str, int]
    patients_unknown: int
    shared: Mapping[str, int]
    within: Mapping[str, int]
    conflicting: int


def patient_by_name(path: str) -> str | None:
    """The patient as far as the name of the file tells."""
    return named_image(path).patient


def listing_of_released(split: ReleasedSplit, *, patient_of: Patients = patient_by_name) -> Listing:
    """A published split as the checks read it, from its file names alone.

    Args:
        split: As published.
        patient_of: Patient by path; from the owner's table where it is at hand.
    """
    return Listing(
        name=split.name,
        classes=split.classes,
        attribute="",
        parts=RELEASED_PARTS,
        images=tuple(placed(entry, patient_of) for entry in split.entries),
    )


def placed(entry: Entry, patient_of: Patients) -> Placed:
    """One entry; an image is known again by its name, since its file may not be at hand."""
    record = ImageRecord(entry.path, Path(entry.path), entry.label, {}, patient_of(entry.path))
    return Placed(entry.part, record, named_image(entry.path).image)


def inspect_released(
    split: ReleasedSplit, *, patient_of: Patients = patient_by_name
) -> tuple[CheckFinding, ...]:
    """What every check says of a published split."""
    return inspect(listing_of_released(split, patient_of=patient_of))


def overlaps_of(split: ReleasedSplit, *, patient_of: Patients = patient_by_name) -> Overlaps:
    """The counts of those checks that speak of overlap."""
    found = {finding.name: finding.counts for finding in inspect_released(split, patient_of=patient_of)}
    patients, copies = found["patient_overlap"], found["duplicate_images"]
    pairs = (("train", "val"), ("train", "test"), ("val", "test"))
    return Overlaps(
        images={part: sum(1 for _ in split.part(part)) for part in RELEASED_PARTS},
        patients={f"{one}/{two}": patients.get(f"{two} images of {one} patients", 0) for one, two in pairs},
        patients_unknown=patients["images_without_patient"],
        shared={f"{one}/{two}": copies.get(f"{one}/{two}", 0) for one, two in pairs},
        within={part: copies.get(f"within {part}", 0) for part in RELEASED_PARTS},
        conflicting=found["conflicting_labels"]["images"],
    )
