"""Whether near-duplicates lie in different parts of a split."""

from collections import Counter
from collections.abc import Iterable

from models.splits.checks.finding import CheckFinding, shown
from models.splits.checks.listing import LEFT_OUT, Listing, Placed
from models.splits.checks.near.search import NearPair

NAME = "near_duplicate_images"


def near_duplicate_images(listing: Listing, pairs: Iterable[NearPair]) -> CheckFinding:
    """Near-duplicates between parts, within a part, and of different labels.

    A warning, not an error: a few such images move a number little, and which of the two to remove is for the
    owner of the data to say. Counts as in `duplicate_images`, of pairs. Two images of one patient in one part
    are counted and nothing else: one after the other they look alike, and nobody takes them for independent.
    """
    placed = {each.record.id: each for each in listing.inside()}
    part_of = {image: each.part for image, each in placed.items()}
    label_of = {image: each.record.label for image, each in placed.items()}
    met = [pair for pair in pairs if pair.first in placed and pair.second in placed]
    inside = [pair for pair in met if not is_expected(placed[pair.first], placed[pair.second])]
    order = {part: number for number, part in enumerate((*listing.parts, LEFT_OUT))}
    where = Counter(
        tuple(sorted((part_of[pair.first], part_of[pair.second]), key=order.__getitem__)) for pair in inside
    )
    across = sum(count for (one, two), count in where.items() if one != two)
    contradicting = sum(label_of[pair.first] != label_of[pair.second] for pair in inside)
    counts = {
        "across_parts": across,
        "within_a_part": len(inside) - across,
        "of_different_labels": contradicting,
        "of_one_patient_in_a_part": len(met) - len(inside),
    }
    counts |= {
        f"within {one}" if one == two else f"{one}/{two}": count
        for (one, two), count in sorted(where.items())
    }
    images = tuple(sorted({image for pair in inside for image in (pair.first, pair.second)}))
    message = (
        f"{across} pairs of images in two parts are one picture in different files, "
        f"{len(inside) - across} within a part; {contradicting} of them have different labels{shown(images)}"
        if inside
        else "no two images are one picture in different files"
    )
    return CheckFinding(listing.name, NAME, "warning" if inside else "passed", message, counts, images)


def is_expected(first: Placed, second: Placed) -> bool:
    """Whether both are of one patient and in one part."""
    patient = first.record.patient
    return patient is not None and patient == second.record.patient and first.part == second.part
