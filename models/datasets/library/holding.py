"""What a local copy of a data set holds, in counts alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from models.datasets.library.columns import ImageColumns
from models.datasets.library.data_set import Facts

MOST_VALUES = 12


@dataclass(frozen=True, slots=True)
class ValueCount:
    """How many images at hand have a value."""

    value: str
    images: int


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """Values of one column over the images at hand.

    Attributes:
        name: Of the column.
        values: The most frequent first; none where they are many and may be names.
        distinct: How many different values there are.
        unknown: Images whose cell is empty.
    """

    name: str
    values: tuple[ValueCount, ...]
    distinct: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A local copy in counts.

    Attributes:
        name: Of the data set.
        listed: Images that the owner's tables name, or that lie in the folders of the classes.
        at_hand: Those of them whose file is there.
        published: What the owner says there are; None where that was not verified.
        patients: Different patients, lesions or studies at hand.
        without_patient: Images at hand that say nothing of it.
        with_report: Images at hand with a text; counted only where texts need not be opened.
        repeated_ids: Ids that more than one row has.
        label: The single label.
        attributes: Columns that a split may take as domain.
        findings: 1, 0 and unknown of each.
    """

    name: str
    listed: int
    at_hand: int
    published: int | None
    patients: int
    without_patient: int
    with_report: int | None
    repeated_ids: int
    label: ColumnCounts | None
    attributes: tuple[ColumnCounts, ...]
    findings: tuple[ColumnCounts, ...]


def holding_of(facts: Facts, columns: ImageColumns) -> Holding:
    """Counts of what was read."""
    there = columns.at_hand()
    known = {patient for patient in there.patient if patient}
    texts = there.report if isinstance(there.report, list) and there.report else None
    return Holding(
        name=facts.name,
        listed=len(columns),
        at_hand=len(there),
        published=facts.images,
        patients=len(known),
        without_patient=len(there) - sum(1 for patient in there.patient if patient),
        with_report=None if texts is None else sum(1 for text in texts if text),
        repeated_ids=sum(count > 1 for count in Counter(columns.id).values()),
        label=counted("label", there.label) if len(there.label) else None,
        attributes=tuple(counted(name, column) for name, column in there.attributes.items()),
        findings=tuple(counted(name, column) for name, column in there.findings.items()),
    )


def counted(name: str, column: Sequence[str]) -> ColumnCounts:
    """One column in counts; values are named only where they are few and shared, for they may be names."""
    counts = Counter(column)
    unknown = counts.pop("", 0)
    few = len(counts) <= MOST_VALUES and 2 * len(counts) <= len(column) - unknown
    shown = counts.most_common() if few or name == "label" else []
    ordered = sorted(shown, key=lambda pair: (-pair[1], pair[0]))
    return ColumnCounts(name, tuple(ValueCount(*pair) for pair in ordered), len(counts), unknown)
