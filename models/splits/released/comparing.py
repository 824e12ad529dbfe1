"""Sets what is found in split files beside what was counted in those that KnoBo published."""

from collections import Counter
from dataclasses import dataclass

from models.splits.released.files import RELEASED_PARTS, ReleasedSplit
from models.splits.released.overlap import Overlaps, overlaps_of
from models.splits.released.published import PUBLISHED, Published


@dataclass(frozen=True, slots=True)
class Compared:
    """One count.

    Attributes:
        what: E.g. `test entries whose patient is in train`.
        found: In the files at hand.
        published: In the published files; None where it was not counted there.
    """

    what: str
    found: int
    published: int | None = None

    @property
    def differs(self) -> bool:
        """Whether the files at hand are not those that were published."""
        return self.published is not None and self.found != self.published


def compare(split: ReleasedSplit) -> tuple[Compared, ...]:
    """Every count of a split, beside the published one where a published split has its name."""
    known = next((each for each in PUBLISHED if each.name.casefold() == split.name.casefold()), None)
    return (*compare_classes(split, known), *compare_overlaps(overlaps_of(split), known))


def compare_classes(split: ReleasedSplit, known: Published | None) -> list[Compared]:
    """Entries by class and part; the spelling of a class may differ in case."""
    published = {label.casefold(): counts for label, counts in known.counts.items()} if known else {}
    found = Counter((entry.label, entry.part) for entry in split.entries)
    rows: list[Compared] = []
    for label in split.classes:
        counts = published.get(label.casefold(), (None, None, None))
        rows += [
            Compared(f"{part} entries of {label}", found[label, part], count)
            for part, count in zip(RELEASED_PARTS, counts, strict=True)
        ]
    return rows


def compare_overlaps(found: Overlaps, known: Published | None) -> list[Compared]:
    """Patients and images in two parts, repeats and contradictions."""
    patients = {"train/test": known.test_in_train, "train/val": known.val_in_train} if known else {}
    shared = (known and known.shared) or (None, None, None)
    within = (known and known.within) or (None, None, None)
    rows: list[Compared] = []
    for pair, count in found.patients.items():
        first, second = pair.split("/")
        rows.append(Compared(f"{second} entries whose patient is in {first}", count, patients.get(pair)))
    rows += [
        Compared(f"images in both {pair.replace('/', ' and ')}", count, published)
        for (pair, count), published in zip(found.shared.items(), shared, strict=True)
    ]
    rows += [
        Compared(f"repeated entries in {part}", count, published)
        for (part, count), published in zip(found.within.items(), within, strict=True)
    ]
    conflicting = known.conflicting if known else None
    rows.append(Compared("images under two classes", found.conflicting, conflicting))
    rows.append(Compared("entries whose name tells no patient", found.patients_unknown))
    return rows
