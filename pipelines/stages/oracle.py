"""Oracles: methods that see images with the shortcut reversed, and are reported on others."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baselines import GroupedImages, Method
from models.domains import DomainSplit
from models.evaluation.predictions import Predictions
from pipelines.stages.arms import Tables, predicted_ids

ORACLES = frozenset({"dfr"})
HALVES, BOTH = 2, -1
LEAST = 4  # shifted images of each class in each half; half of them choose the penalty


def can_be_told(split: DomainSplit) -> bool:
    """Whether both halves of the shifted images have enough of each class."""
    half = halves_of(split)
    counts = Counter((half[image], split.label[image]) for image in split.shifted)
    return all(counts[number, name] >= LEAST for number in range(HALVES) for name in split.classes)


def fit_oracle(
    method: Method, called: str, split: DomainSplit, tables: Tables, *, seeds: Sequence[int], folder: Path
) -> Predictions:
    """Two models, each told of one half of the shifted patients and reported on the other half.

    Both have seen the validation images; there their mean is what they say.
    """
    ids, half = predicted_ids(split), halves_of(split)
    numbers = np.array([half.get(image, BOTH) for image in ids])
    probabilities = np.zeros((len(seeds), len(ids), len(split.classes)))
    for told in range(HALVES):
        seen = [image for image in split.shifted if half[image] == told]
        data = replace(tables.training_data(split), oracle=told_of(split, seen, tables))
        fitted = method.fit(data, seeds=seeds)
        fitted.save(folder / f"told-half-{told}")
        rows = np.flatnonzero(numbers != told)
        share = np.where(numbers[rows] == BOTH, 1 / HALVES, 1)[:, None]
        probabilities[:, rows] += share * fitted.predict(tables.inputs([ids[row] for row in rows]))
    return Predictions(called, split.name, tuple(seeds), ids, probabilities)


def halves_of(split: DomainSplit) -> Mapping[str, int]:
    """Half of each reported image: patients of a class in an order by hash, dealt out in turn."""
    half: dict[str, int] = {}
    for part, name in product((split.shifted, split.in_domain), split.classes):
        patients = {split.patient.get(image, image) for image in part if split.label[image] == name}
        new = sorted(patients - half.keys(), key=lambda patient: hashlib.sha256(patient.encode()).digest())
        half |= {patient: place % HALVES for place, patient in enumerate(new)}
    return {image: half[split.patient.get(image, image)] for image in (*split.in_domain, *split.shifted)}


def told_of(split: DomainSplit, shifted: Sequence[str], tables: Tables) -> GroupedImages:
    """Half of the shifted images, and the validation images, in which the shortcut holds."""
    ids = (*split.validation, *shifted)
    labels = split.targets(ids)
    reversed_: NDArray[np.int64] = np.repeat([0, 1], [len(split.validation), len(shifted)]).astype(np.int64)
    return GroupedImages(
        inputs=tables.inputs(ids),
        labels=labels,
        groups=labels + len(split.classes) * reversed_,
        source=f"{len(shifted)} shifted and {len(split.validation)} validation images",
    )
