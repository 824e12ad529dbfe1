"""A division of images into parts, and what was looked at before any number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PARTS = ("train", "validation", "in_domain", "shifted")


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a split.

    Attributes:
        name: `patient_overlap`, `duplicate_images`, `conflicting_labels` or `cell_counts`.
        passed: False is shown in the report and, where `fatal`, stops the run.
        fatal: Whether the numbers would mean nothing.
        message: One sentence with counts and at most a few ids.
        counts: The numbers behind it, by name.
    """

    name: str
    passed: bool
    fatal: bool
    message: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DomainSplit:
    """Four disjoint parts: `validation` selects, `in_domain` and `shifted` are reported.

    Attributes:
        name: E.g. `iu-scanner`.
        classes: Class names in the order of the label integers.
        attribute: The confounder; empty for a plain split.
        train, validation, in_domain, shifted: Image ids.
        label: Class of every id in the split.
        patient: Patient of every id where known.
        checks: What was looked at before any number.
    """

    name: str
    classes: tuple[str, ...]
    attribute: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    in_domain: tuple[str, ...]
    shifted: tuple[str, ...]
    label: Mapping[str, str]
    patient: Mapping[str, str]
    checks: tuple[Check, ...]

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """Ids by part, in the order of `PARTS`."""
        return {
            "train": self.train,
            "validation": self.validation,
            "in_domain": self.in_domain,
            "shifted": self.shifted,
        }

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all parts, one part after the other."""
        return self.train + self.validation + self.in_domain + self.shifted

    def targets(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """Label integers `(n,)` of some ids: places in `classes`."""
        place = {name: number for number, name in enumerate(self.classes)}
        return np.array([place[self.label[image]] for image in ids], dtype=np.int64)

    def units(self, ids: Iterable[str]) -> tuple[str, ...]:
        """What a bootstrap draws `(n,)`: the patient of each image, or the image where none is known."""
        return tuple(self.patient.get(image, f"image {image}") for image in ids)
