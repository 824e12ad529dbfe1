"""Records as a split sees them, for splits that give images a class or a patient of their own."""

from collections.abc import Iterable
from dataclasses import replace

from models.images import ImageRecord
from models.splits.types import DomainSplit


def as_seen_by(split: DomainSplit, records: Iterable[ImageRecord]) -> list[ImageRecord]:
    """The same records, those of the split with its class and, where the record has none, its patient.

    A published split, or one made by a recipe, asks for other classes than the label of the data set, so that
    checks must look at the class that the split gives. Patients whom the split takes for one keep their ids,
    so that checks can tell that they share an image.
    """
    return [seen(split, record) if record.id in split.label else record for record in records]


def seen(split: DomainSplit, record: ImageRecord) -> ImageRecord:
    """A record of the split, the very same one where nothing changes."""
    label = split.label[record.id]
    patient = record.patient or split.patient.get(record.id)
    if (label, patient) == (record.label, record.patient):
        return record
    return replace(record, label=label, patient=patient)
