"""Patients who share an image: one person under two names, who must not be in two parts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.images import ImageRecord


def linked(records: Sequence[ImageRecord], contents: Mapping[str, str]) -> list[ImageRecord]:
    """The same records; patients who share an image are one, under the first of their ids.

    An image without a patient has that of its copies, since only one of them is kept.

    Args:
        records: All that are known, so that no link is lost with a copy that is left out.
        contents: Digest by image id; an image without one, or with an empty one, is a copy of none.
    """
    owner: dict[str, str] = {}
    leader: dict[str, str] = {}
    nameless = False
    for record in records:
        nameless |= record.patient is None
        content = contents.get(record.id)
        if content and record.patient is not None:
            holder = owner.setdefault(content, record.patient)
            if holder != record.patient:
                first, other = led(holder, leader), led(record.patient, leader)
                if first != other:
                    leader[max(first, other)] = min(first, other)
    if not (leader or nameless):
        return list(records)
    return [with_patient(record, owner.get(contents.get(record.id, "")), leader) for record in records]


def led(patient: str, leader: Mapping[str, str]) -> str:
    """The patient under whose id this one goes."""
    while patient in leader:
        patient = leader[patient]
    return patient


def with_patient(record: ImageRecord, owner: str | None, leader: Mapping[str, str]) -> ImageRecord:
    """The record under its leading patient, the very same one where nothing changes."""
    known = record.patient if record.patient is not None else owner
    patient = None if known is None else led(known, leader)
    return record if patient == record.patient else replace(record, patient=patient)


def of_several_patients(records: Sequence[ImageRecord], contents: Mapping[str, str]) -> set[str]:
    """Ids of the images that are filed under more than one patient."""
    owner: dict[str, str] = {}
    shared = {
        contents[record.id]
        for record in records
        if record.patient is not None
        and contents.get(record.id)
        and owner.setdefault(contents[record.id], record.patient) != record.patient
    }
    return {record.id for record in records if contents.get(record.id) in shared} if shared else set()
