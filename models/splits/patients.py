"""Assigns whole patients to parts, so that no patient is in two of them."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from models.images import ImageRecord
from models.splits.cells import Cell, cell_of, count_cells

Patient = list[ImageRecord]

KEPT_SHARE = 0.5  # of each class that trains, whatever the shifted part would gain


def by_patient(records: Iterable[ImageRecord]) -> list[Patient]:
    """Images of one patient together; an image whose patient is unknown stands alone."""
    patients: dict[tuple[bool, str], Patient] = {}
    for record in records:
        known = record.patient is not None
        patients.setdefault((known, record.patient or record.id), []).append(record)
    return list(patients.values())


def class_of(record: ImageRecord) -> Hashable:
    """The class: what `assign` shares out by default."""
    return record.label


def shuffled(patients: Sequence[Patient], generator: np.random.Generator) -> list[Patient]:
    """The same patients in another order."""
    return [patients[place] for place in generator.permutation(len(patients))]


def divide(
    records: Sequence[ImageRecord],
    *,
    attribute: str,
    aligned: Sequence[Cell],
    opposite: Sequence[Cell],
    generator: np.random.Generator,
) -> tuple[list[ImageRecord], list[ImageRecord]]:
    """Images that may train, and images for the shifted part, without a patient in both.

    A patient with images in both kinds of cell can serve only one. The opposite cells are most often the
    scarce ones, so such a patient goes to the shifted part and the aligned images are left out. Where the
    shifted part has no use for them (it holds as many of that class as the smallest of the four cells has
    images), or an aligned cell would lose more than half, the patient's opposite images are left out instead.
    """
    total = count_cells(records, attribute)
    useful = min(total[cell] for cell in [*aligned, *opposite])
    left, held = total.copy(), Counter[Cell]()
    shifted_only: set[str] = set()
    patients = shuffled(by_patient(records), generator)
    for patient in sorted(patients, key=lambda patient: touches(patient, attribute, aligned)):
        cells = count_cells(patient, attribute)
        gains = any(cells[cell] and held[cell] < useful for cell in opposite)
        affordable = all(
            left[cell] - cells[cell] >= KEPT_SHARE * total[cell] for cell in aligned if cells[cell]
        )
        if (gains and affordable) or not touches(patient, attribute, aligned):
            shifted_only.update(record.id for record in patient)
            held.update(cells)
            left.subtract(cells)
    return (
        [r for r in records if r.id not in shifted_only and cell_of(r, attribute) in aligned],
        [r for r in records if r.id in shifted_only and cell_of(r, attribute) in opposite],
    )


def touches(patient: Patient, attribute: str, cells: Sequence[Cell]) -> bool:
    """Whether the patient has an image in one of the cells."""
    return any(cell_of(record, attribute) in cells for record in patient)


def assign(
    records: Sequence[ImageRecord],
    *,
    fractions: Sequence[float],
    generator: np.random.Generator,
    stratum: Callable[[ImageRecord], Hashable] = class_of,
) -> list[list[ImageRecord]]:
    """Records by part, each stratum (by default each class) near its fractions of the images.

    Patients with many images come first, for they fit worst; each goes where its strata are furthest below
    their share.
    """
    total = Counter(stratum(record) for record in records)
    parts: list[list[ImageRecord]] = [[] for _ in fractions]
    held: list[Counter[Hashable]] = [Counter() for _ in fractions]
    for patient in sorted(shuffled(by_patient(records), generator), key=len, reverse=True):
        labels = Counter(stratum(record) for record in patient)
        room = [
            sum(count * (1 - have[label] / (share * total[label])) for label, count in labels.items())
            for have, share in zip(held, fractions, strict=True)
        ]
        part = room.index(max(room))
        parts[part].extend(patient)
        held[part].update(labels)
    return parts


def balance(
    records: Sequence[ImageRecord], *, generator: np.random.Generator, maximum: int | None = None
) -> list[ImageRecord]:
    """As many images of every class as the smallest class has, at most `maximum` of each."""
    size = min(Counter(record.label for record in records).values(), default=0)
    size = size if maximum is None else min(size, maximum)
    chosen: list[ImageRecord] = []
    for label in sorted({record.label or "" for record in records}):
        same = [record for record in records if record.label == label]
        chosen += [same[place] for place in generator.permutation(len(same))[:size]]
    return chosen
