"""Confounding of any strength: some images of each class carry the value that goes with the other class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.cells import Cell, cell_of, count_cells
from models.splits.patients import by_patient, shuffled

WEAKEST = 0.5  # where the attribute says nothing about the class
KEPT_SHARE = 0.5  # of each opposite cell that stays in the shifted part, whatever train would gain
SLACK = 1.05  # patients come whole, so parts fill to their sizes only from a little more


@dataclass(frozen=True, slots=True)
class PartSizes:
    """Most images of each class in each part; a part of 0 is refused like any part without a class."""

    train: int
    validation: int
    in_domain: int
    shifted: int

    @property
    def here(self) -> int:
        """Images of each class in the three parts that hold the confounding."""
        return self.train + self.validation + self.in_domain

    @property
    def fractions(self) -> tuple[float, float, float]:
        """Shares of train, validation and in_domain among them."""
        return self.train / self.here, self.validation / self.here, self.in_domain / self.here


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which value goes with which class, and how strictly.

    Attributes:
        attribute: The confounder.
        aligned: The cells that train, one for each class.
        opposite: The two other cells, in the same order of classes.
        strength: Share of aligned images among those that train.
    """

    attribute: str
    aligned: tuple[Cell, ...]
    opposite: tuple[Cell, ...]
    strength: float


def require_strength(strength: float) -> None:
    """Refuse a share that is no confounding, or more than all."""
    if not WEAKEST <= strength <= 1:
        message = f"the strength of a confounding is a share from {WEAKEST:g} to 1, not {strength:g}"
        raise ModelsError(f"{message}; 0.95 keeps the pairing for 95 % of the training images")


def lend(
    records: Sequence[ImageRecord],
    *,
    shifted: Sequence[ImageRecord],
    pairing: Pairing,
    wanted: float | None,
    kept: int | None,
    generator: np.random.Generator,
) -> tuple[list[ImageRecord], list[ImageRecord]]:
    """Images that may train, of all four cells, and images for the shifted part, no patient in both.

    Opposite images of patients that train anyway cost nothing. Where they are too few, whole patients leave
    the shifted part in a drawn order, until each class has its share, or only half of an opposite cell (or
    `kept`, if that is less) is left. The shifted part is filled from the other end of this order, which does
    not depend on the strength: with a `kept` that the data can meet, it holds the same images at every
    strength.

    Args:
        records: Images of the four cells.
        shifted: What `divide` gave to the shifted part.
        pairing: What goes with what.
        wanted: Most images of each class in the parts beside shifted; None takes what there is.
        kept: Most images of each class that the shifted part takes; None takes what is left.
        generator: Of the order.
    """
    away = shuffled(by_patient(whole_patients(records, shifted)), generator)
    members = {record.id for patient in away for record in patient}
    here = [record for record in records if record.id not in members]
    held = count_cells(here, pairing.attribute)
    reserved = reserve([record for patient in away for record in patient], pairing=pairing, kept=kept)
    remaining: list[ImageRecord] = []
    for patient in away:
        cells = count_cells(patient, pairing.attribute)
        short = shortages(held, pairing=pairing, wanted=wanted)
        useful = any(cells[cell] and short[cell] > 0 for cell in short)
        if useful and not any(record.id in reserved for record in patient):
            here += patient
            held.update(cells)
        else:
            remaining += patient
    return here, latest(remaining, pairing=pairing, maximum=kept)


def whole_patients(records: Sequence[ImageRecord], some: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Every image of the patients that have one among `some`."""
    ids = {record.id for record in some}
    patients = [patient for patient in by_patient(records) if any(record.id in ids for record in patient)]
    return [record for patient in patients for record in patient]


def reserve(ordered: Sequence[ImageRecord], *, pairing: Pairing, kept: int | None) -> set[str]:
    """Ids of the images that the shifted part keeps whatever train would gain: the last of each cell."""
    total = count_cells(ordered, pairing.attribute)
    halves = {cell: int(np.ceil(KEPT_SHARE * total[cell])) for cell in pairing.opposite}
    counts = halves if kept is None else {cell: min(count, kept) for cell, count in halves.items()}
    return {record.id for cell, count in counts.items() for record in last(ordered, cell, count, pairing)}


def latest(ordered: Sequence[ImageRecord], *, pairing: Pairing, maximum: int | None) -> list[ImageRecord]:
    """The last images of each opposite cell, equally many of both, at most `maximum`."""
    total = count_cells(ordered, pairing.attribute)
    size = min(total[cell] for cell in pairing.opposite)
    size = size if maximum is None else min(size, maximum)
    return [record for cell in pairing.opposite for record in last(ordered, cell, size, pairing)]


def last(ordered: Sequence[ImageRecord], cell: Cell, count: int, pairing: Pairing) -> list[ImageRecord]:
    """The last `count` images of one cell."""
    inside = [record for record in ordered if cell_of(record, pairing.attribute) == cell]
    return inside[len(inside) - count :]


def shortages(held: Counter[Cell], *, pairing: Pairing, wanted: float | None) -> dict[Cell, float]:
    """Images that each cell lacks of its share of the largest class that can be had.

    At full strength nothing is lacking of the opposite cells. Where no number is wanted the aligned cells set
    the measure, so they lack nothing either.
    """
    size = (
        min(held[cell] for cell in pairing.aligned) / pairing.strength if wanted is None else SLACK * wanted
    )
    most = {} if wanted is None else dict.fromkeys(pairing.aligned, pairing.strength)
    shares = most | dict.fromkeys(pairing.opposite, 1 - pairing.strength)
    return {cell: share * size - held[cell] for cell, share in shares.items()}


def mix(
    records: Sequence[ImageRecord],
    *,
    pairing: Pairing,
    generator: np.random.Generator,
    maximum: int | None = None,
) -> list[ImageRecord]:
    """As many images of both classes as the scarcest cell allows, the share of each class aligned.

    The share is kept to the image; it is the number that gives way, at most `maximum` of each class.
    """
    cells: dict[Cell, list[ImageRecord]] = {}
    for record in records:
        cells.setdefault(cell_of(record, pairing.attribute), []).append(record)
    most, rest = (
        min(len(cells.get(cell, [])) for cell in kind) for kind in (pairing.aligned, pairing.opposite)
    )
    size = largest(most, rest, pairing.strength)
    size = size if maximum is None else min(size, maximum)
    aligned = nearest(size, pairing.strength)
    numbers = dict.fromkeys(pairing.aligned, aligned) | dict.fromkeys(pairing.opposite, size - aligned)
    chosen: list[ImageRecord] = []
    for cell in sorted(cell for cell, number in numbers.items() if number):
        chosen += [cells[cell][place] for place in generator.permutation(len(cells[cell]))[: numbers[cell]]]
    return chosen


def nearest(size: int, strength: float) -> int:
    """Aligned ones among `size` images of a class: the nearest whole number, a half upwards."""
    return int(np.floor(size * strength + 0.5))


def largest(most: int, rest: int, strength: float) -> int:
    """The largest class that `most` aligned and `rest` opposite images make at this strength."""
    sizes = np.arange(most + rest + 1)
    aligned = np.floor(sizes * strength + 0.5)
    return int(sizes[(aligned <= most) & (sizes - aligned <= rest)].max())
