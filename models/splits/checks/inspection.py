"""Every check that needs no pixels: records, digests and parts are enough."""

from collections.abc import Callable, Sequence

from models.images import ImageRecord
from models.splits.cells import Digest, file_digest
from models.splits.checks.copies import conflicting_labels, duplicate_images
from models.splits.checks.finding import CheckFinding, tolerated
from models.splits.checks.labels import unknown_labels
from models.splits.checks.listing import Listing, listing_of
from models.splits.checks.mixtures import attribute_mixture
from models.splits.checks.overlap import patient_overlap
from models.splits.checks.sizes import cell_counts, class_imbalance
from models.splits.relabelling import as_seen_by
from models.splits.types import Check, DomainSplit

CHECKS: tuple[Callable[[Listing], CheckFinding], ...] = (
    patient_overlap,
    duplicate_images,
    conflicting_labels,
    unknown_labels,
    cell_counts,
    class_imbalance,
    attribute_mixture,
)


def inspect(listing: Listing) -> tuple[CheckFinding, ...]:
    """What every check says of a listing; nothing is taken over from how it was made."""
    return tuple(check(listing) for check in CHECKS)


def inspect_split(
    split: DomainSplit, records: Sequence[ImageRecord], *, digest: Digest = file_digest
) -> tuple[CheckFinding, ...]:
    """What every check says of a split.

    Args:
        split: The split; its own `checks` are not read.
        records: All records it was drawn from.
        digest: Content of an image, equal for copies.

    Raises:
        ModelsError: An image of the split is not among the records.
    """
    return inspect(listing_of(split, records, digest=digest))


def inspect_as_made(
    split: DomainSplit, records: Sequence[ImageRecord], *, digest: Digest
) -> tuple[CheckFinding, ...]:
    """The same of a split as it was made: what its maker lets pass, as overlaps kept as published, warns.

    Args:
        split: The split, with its `checks`.
        records: All records of its data sets; the class and the patient that the split gives an image hold.
        digest: Content of an image, equal for copies.
    """
    theirs = {record.id: record.label for record in records}
    renamed = any(theirs.get(image) != label for image, label in split.label.items())

    def known(record: ImageRecord) -> str:
        """Left-out images contradict only in the words of the split: a recipe has other classes than they."""
        comparable = record.id in split.label or record.label in split.classes or not renamed
        return digest(record) if comparable else ""

    accepted = {check.name for check in split.checks if not (check.passed or check.fatal)}
    return tolerated(inspect_split(split, as_seen_by(split, records), digest=known), accepted)


def check_split(
    split: DomainSplit, records: Sequence[ImageRecord], *, digest: Digest = file_digest
) -> tuple[Check, ...]:
    """The same as the split itself keeps it, without ids."""
    return tuple(finding.as_check() for finding in inspect_split(split, records, digest=digest))
