"""Whether labels, and values of the confounder, are known."""

from models.splits.cells import attribute_of
from models.splits.checks.finding import CheckFinding, Severity, shown
from models.splits.checks.listing import LEFT_OUT, Listing, Placed

MOST_UNKNOWN = 0.05  # of the images; beyond it those that are left may be a selection


def unknown_labels(listing: Listing) -> CheckFinding:
    """Images of no class, or of no value of the confounder, inside the split and among those left out."""
    unlabelled = [each for each in listing.images if not each.record.label]
    valueless = [each for each in listing.images if lacks_value(each, listing)]
    inside = [each.record.id for each in listing.inside() if each.record.label not in listing.classes]
    unsure = [each.record.id for each in valueless if each.part != LEFT_OUT]
    counts = {
        "without_label": len(unlabelled),
        "without_value": len(valueless),
        "without_label_in_split": len(inside),
        "without_value_in_split": len(unsure),
    }
    many = len(unlabelled) + len(valueless) > MOST_UNKNOWN * len(listing.images)
    severity: Severity = "error" if inside else "warning" if unsure or many else "passed"
    if inside:
        message = f"{len(inside)} images in the split have no label that it knows{shown(inside)}"
    else:
        message = f"{len(unlabelled)} of {len(listing.images)} images have no label and are in no part"
        if listing.attribute:
            message += f"; {len(valueless)} have no {listing.attribute}, {len(unsure)} of them in the split"
    images = tuple(sorted({*inside, *unsure}))
    return CheckFinding(listing.name, "unknown_labels", severity, message, counts, images)


def lacks_value(each: Placed, listing: Listing) -> bool:
    """Whether the confounder of an image of the split's classes is unknown."""
    if not listing.attribute or each.record.label not in listing.classes:
        return False
    return not attribute_of(each.record, listing.attribute)
