"""Whether a patient is in two parts."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import combinations

from models.splits.checks.finding import CheckFinding, Severity, shown
from models.splits.checks.listing import Listing, Placed
from models.splits.same_patient import linked, of_several_patients

Pair = tuple[str, str]


def patient_overlap(listing: Listing) -> CheckFinding:
    """Patients in two parts, and the images that this touches; where patients are not known this is said.

    Patients who share an image count as one, and a warning names the images that they share.

    Counts: patients in both parts under `train/shifted`, images of the later part whose patient is in the
    earlier one under `shifted images of train patients`, `images_of_several_patients` where there are any.
    """
    listing, several = under_one_name(listing)
    members: dict[str, set[str]] = {part: set() for part in listing.parts}
    unknown = total = 0
    for each in listing.inside():
        total += 1
        unknown += each.record.patient is None
        if each.record.patient is not None:
            members[each.part].add(each.record.patient)
    shared = {(one, two): members[one] & members[two] for one, two in combinations(listing.parts, 2)}
    touched = {pair: images_of(listing, pair[1], patients) for pair, patients in shared.items() if patients}
    known = len(set().union(*members.values()))
    counts = {f"{one}/{two}": len(patients) for (one, two), patients in shared.items()}
    counts |= {f"{two} images of {one} patients": len(images) for (one, two), images in touched.items()}
    counts |= {"patients": known, "images_without_patient": unknown}
    counts |= {"images_of_several_patients": len(several)} if several else {}
    images = {image for touched_images in touched.values() for image in touched_images}
    severity: Severity = "error" if images else "warning" if unknown or several else "passed"
    if images:
        message = f"{describe_shared(shared)}{shown(images)}"
    elif unknown or several:
        message = describe_doubts(unknown, total, several)
    else:
        message = f"none of {known} patients is in two parts"
    return CheckFinding(
        listing.name, "patient_overlap", severity, message, counts, tuple(sorted(images | several))
    )


def under_one_name(listing: Listing) -> tuple[Listing, set[str]]:
    """The listing with patients who share an image as one, and the ids of the images that they share."""
    records = [each.record for each in listing.images]
    contents = {each.record.id: each.content for each in listing.images}
    several = of_several_patients(records, contents)
    images = tuple(
        each if each.record is record else Placed(each.part, record, each.content)
        for each, record in zip(listing.images, linked(records, contents), strict=True)
    )
    return replace(listing, images=images), several


def describe_shared(shared: Mapping[Pair, Collection[str]]) -> str:
    """How many patients each two parts share."""
    pairs = ", ".join(f"{one}/{two} {len(patients)}" for (one, two), patients in shared.items() if patients)
    return f"patients are in two parts ({pairs}), so the parts are not independent"


def describe_doubts(unknown: int, total: int, several: Collection[str]) -> str:
    """What is not known for sure of the patients, where none is seen to be in two parts."""
    doubts = []
    if several:
        doubts.append(
            f"{len(several)} images are filed under several patients, who are taken for one{shown(several)}"
        )
    if unknown:
        doubts.append(f"{unknown} of {total} images have no patient id, so overlap cannot be ruled out")
    return "; ".join(doubts)


def images_of(listing: Listing, part: str, patients: set[str]) -> list[str]:
    """Images of some patients in a part."""
    return [
        each.record.id for each in listing.images if each.part == part and each.record.patient in patients
    ]
