"""Whether a file occurs more than once, and whether its copies contradict each other."""

from collections.abc import Iterable
from itertools import combinations

from models.splits.checks.finding import CheckFinding, Severity, shown
from models.splits.checks.listing import LEFT_OUT, Listing, Placed


def repeated(images: Iterable[Placed]) -> list[list[Placed]]:
    """Images of equal files together, where there are two or more; a file of unknown content equals none."""
    first: dict[str, Placed] = {}
    found: dict[str, list[Placed]] = {}  # a list for every image would outweigh the images
    for each in images:
        if each.content and first.setdefault(each.content, each) is not each:
            found.setdefault(each.content, [first[each.content]]).append(each)
    return list(found.values())


def duplicate_images(listing: Listing) -> CheckFinding:
    """Whether an image occurs twice, in two parts or in one; copies left out are counted and named, too.

    Counts: images in both parts under `train/shifted`, superfluous copies in a part under `within train`.
    """
    groups = repeated(listing.images)
    where = [[each.part for each in group if each.part != LEFT_OUT] for group in groups]
    across = sum(len(set(parts)) > 1 for parts in where)
    within = sum(len(parts) - len(set(parts)) for parts in where)
    left_out = sum(len(group) - len(parts) for group, parts in zip(groups, where, strict=True) if parts)
    counts = {"across_parts": across, "within_a_part": within, "copies_left_out": left_out}
    for one, two in combinations(listing.parts, 2):
        if both := sum(one in parts and two in parts for parts in where):
            counts[f"{one}/{two}"] = both
    for part in listing.parts:
        if more := sum(max(0, parts.count(part) - 1) for parts in where):
            counts[f"within {part}"] = more
    images = {each.record.id for group, parts in zip(groups, where, strict=True) if parts for each in group}
    repeats = {
        each.record.id
        for group, parts in zip(groups, where, strict=True)
        for each in group
        if len(parts) > 1 and each.part != LEFT_OUT
    }
    message = (
        f"{across} images are in two parts, {within} twice in one part; {left_out} other copies were left out"
    )
    severity: Severity = "error" if across else "warning" if within else "passed"
    return CheckFinding(
        listing.name,
        "duplicate_images",
        severity,
        message + shown(repeats or images),
        counts,
        tuple(sorted(images)),
    )


def conflicting_labels(listing: Listing) -> CheckFinding:
    """Whether copies of one image have different labels; such images should be in no part.

    An error where the split holds the image under two labels, a warning where a copy outside contradicts it.
    """
    conflicts = inside = contradictions = 0
    images: set[str] = set()
    kept: set[str] = set()
    for group in repeated(listing.images):
        if len({each.record.label for each in group}) == 1:
            continue
        conflicts += 1
        members = [each for each in group if each.part != LEFT_OUT]
        inside += len(members)
        contradictions += len({each.record.label for each in members}) > 1
        images |= {each.record.id for each in group}
        kept |= {each.record.id for each in members}
    message = (
        f"{conflicts} images occur with different labels; {inside} of their copies are in the split"
        f"{shown(kept or images)}"
    )
    severity: Severity = "error" if contradictions else "warning" if kept else "passed"
    counts = {"images": conflicts, "copies_in_split": inside}
    return CheckFinding(listing.name, "conflicting_labels", severity, message, counts, tuple(sorted(images)))
