"""Whether a patient is in two parts."""

from itertools import combinations

from models.splits.checks.finding import CheckFinding, Severity, shown
from models.splits.checks.listing import Listing


def patient_overlap(listing: Listing) -> CheckFinding:
    """Patients in two parts, and the images that this touches; where patients are not known this is said.

    Counts: patients in both parts under `train/shifted`, images of the later part whose patient is in the
    earlier one under `shifted images of train patients`.
    """
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
    images = [image for touched_images in touched.values() for image in touched_images]
    severity: Severity = "error" if images else "warning" if unknown else "passed"
    if images:
        pairs = ", ".join(
            f"{one}/{two} {len(patients)}" for (one, two), patients in shared.items() if patients
        )
        message = f"patients are in two parts ({pairs}), so the parts are not independent{shown(images)}"
    elif unknown:
        message = f"{unknown} of {total} images have no patient id, so overlap cannot be ruled out"
    else:
        message = f"none of {known} patients is in two parts"
    return CheckFinding(
        listing.name, "patient_overlap", severity, message, counts, tuple(sorted(set(images)))
    )


def images_of(listing: Listing, part: str, patients: set[str]) -> list[str]:
    """Images of some patients in a part."""
    return [
        each.record.id for each in listing.images if each.part == part and each.record.patient in patients
    ]
