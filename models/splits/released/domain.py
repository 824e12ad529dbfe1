"""A published split as train, validation, in_domain and shifted."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from models.domains import finish
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.cells import Digest, contents_of, file_digest, without_conflicts
from models.splits.checks import inspect_as_made
from models.splits.patients import assign
from models.splits.released.files import RELEASED_PARTS, ReleasedSplit
from models.splits.released.joining import Joined, join
from models.splits.same_patient import linked
from models.splits.types import Check, DomainSplit

MOST_MISSING = 0.5  # of a part, beyond which it is another split
PUBLISHED_FAULTS = ("patient_overlap", "duplicate_images", "conflicting_labels", "cell_counts")


def as_published(
    released: ReleasedSplit,
    records: Sequence[ImageRecord],
    *,
    name: str,
    classes: Sequence[str],
    attribute: str = "",
    seed: int,
    digest: Digest = file_digest,
) -> DomainSplit:
    """The parts as they were published, with their overlaps, which the checks name and do not forbid.

    For comparison with published figures; `without_overlap` is for figures of one's own. Of a confounded set,
    test is the shifted part, and val, by which the paper both selects and reports, is divided by patient into
    validation and in_domain. Of an unconfounded set, val is the validation part and test the in_domain part.
    Images that the split lists under two classes are in no part.

    Args:
        released: From `read_released`.
        records: Of the data sets from which the split was drawn.
        name: Of the split.
        classes: Those of the split; their order gives the label integers.
        attribute: The confounder, by its name in the records; empty for an unconfounded split.
        seed: Of the division of val.
        digest: Content of an image, equal for copies; reads the files unless given.

    Raises:
        ModelsError: Other classes, no or too few of the images at hand.
    """
    joined = joined_by_class(released, records, classes)
    parts = {part: joined.part(part) for part in RELEASED_PARTS}
    return split_of(
        joined,
        parts,
        records,
        name=name,
        classes=classes,
        attribute=attribute,
        seed=seed,
        digest=digest,
        tolerate=PUBLISHED_FAULTS,
    )


def without_overlap(
    released: ReleasedSplit,
    records: Sequence[ImageRecord],
    *,
    name: str,
    classes: Sequence[str],
    attribute: str = "",
    seed: int,
    digest: Digest = file_digest,
) -> DomainSplit:
    """The published test part, and of val and train what shares no patient and no image with it.

    Test stays as it was published, so that figures remain comparable, but for repeats and for images whose
    copies are of different classes; val loses the patients of test, and train those of both. Arguments and
    errors are those of `as_published`.
    """
    joined = joined_by_class(released, records, classes)
    listed = {record.id: record for part in RELEASED_PARTS for record in joined.part(part)}
    contents = contents_of({record.id: record for record in (*records, *listed.values())}.values(), digest)
    sure = {record.id for record in without_conflicts(list(listed.values()), contents)}
    seen: set[str] = set()
    every = [listed.get(record.id, record) for record in records]  # a copy outside may join two patients
    known = {record.id: record for record in linked(every, contents) if record.id in listed}
    parts: dict[str, list[ImageRecord]] = {}
    for part in reversed(RELEASED_PARTS):
        trusted = [known[record.id] for record in joined.part(part) if record.id in sure]
        fresh = [record for record in trusted if not traces(record, contents) & seen]
        once = {contents[record.id]: record for record in reversed(fresh)}
        parts[part] = list(once.values())
        seen |= {trace for record in fresh for trace in traces(record, contents)}
    return split_of(
        joined,
        parts,
        records,
        name=name,
        classes=classes,
        attribute=attribute,
        seed=seed,
        digest=lambda record: contents[record.id],
        tolerate=(),
    )


def traces(record: ImageRecord, contents: dict[str, str]) -> set[str]:
    """What must not recur in another part: the patient, and the image itself."""
    patient = set() if record.patient is None else {f"patient {record.patient}"}
    return patient | {f"content {contents[record.id]}"}


def joined_by_class(
    released: ReleasedSplit, records: Sequence[ImageRecord], classes: Sequence[str]
) -> Joined:
    """The split with its images; other classes, or a part of which most is missing, are refused."""
    if sorted(classes) != sorted(released.classes):
        listed, asked = ", ".join(released.classes), ", ".join(classes) or "none"
        raise ModelsError(f"the published split {released.name} has the classes {listed}, not {asked}")
    joined = join(released, records)
    for part in RELEASED_PARTS:
        total = sum(1 for _ in released.part(part))
        missing = sum(entry.part == part for entry in joined.missing)
        if missing > MOST_MISSING * total:
            message = f"{missing} of {total} images of {part} of the published split {released.name} are not"
            raise ModelsError(f"{message} in the data (first {joined.missing[0].path}); add their data set")
    return joined


def split_of(
    joined: Joined,
    parts: dict[str, list[ImageRecord]],
    records: Sequence[ImageRecord],
    *,
    name: str,
    classes: Sequence[str],
    attribute: str,
    seed: int,
    digest: Digest,
    tolerate: Collection[str],
) -> DomainSplit:
    """The four parts with their checks, and one check more: what became of the published lines.

    The checks look at all `records`: a copy that the published files do not list may join two patients.
    """
    train, val, test = (parts[part] for part in RELEASED_PARTS)
    generator = np.random.default_rng(seed)
    halves = assign(val, fractions=(0.5, 0.5), generator=generator) if attribute else [val, test]
    four = [train, *halves, test if attribute else []]
    known = {record.id: record for part in four for record in part}
    contents = contents_of({record.id: record for record in (*records, *known.values())}.values(), digest)

    def content(record: ImageRecord) -> str:
        return contents[record.id]

    made = finish(name, tuple(classes), attribute, four, list(known.values()), digest=content)
    found = inspect_as_made(replace(made, checks=()), records, digest=content)
    checks = [each.as_check() for each in found]
    checks = [kept_as_published(check) if check.name in tolerate else check for check in checks]
    return replace(made, checks=(*checks, kept_lines(joined, parts)))


def kept_as_published(check: Check) -> Check:
    """A fault that does not stop the run, since the parts are meant to be those that were published."""
    if check.passed or not check.fatal:
        return check
    return replace(check, fatal=False, message=f"{check.message}; kept as published")


def kept_lines(joined: Joined, parts: dict[str, list[ImageRecord]]) -> Check:
    """How many of the published lines are used, and why the others are not."""
    counts = {
        "listed": len(joined.split.entries),
        "used": sum(len(part) for part in parts.values()),
        "not_in_the_data": len(joined.missing),
        "conflicting_images": len(joined.conflicting),
        "patients_guessed_from_names": joined.guessed,
    }
    for part in RELEASED_PARTS:
        counts |= {
            f"{part} listed": sum(1 for _ in joined.split.part(part)),
            f"{part} used": len(parts[part]),
        }
    message = (
        f"{counts['used']} of {counts['listed']} published lines are used; {counts['not_in_the_data']} are "
        f"not in the data, {counts['conflicting_images']} images are listed under several classes"
    )
    return Check("published_lines", counts["used"] == counts["listed"], False, message, counts)
