"""Oracles: methods that see images with the shortcut reversed, and are reported on others."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.baselines import GroupedImages, Method
from models.domains import DomainSplit
from models.evaluation.predictions import Predictions
from pipelines.stages.arms import Tables, reported_ids

ORACLES = frozenset({"dfr"})
HALVES = 2


def fit_oracle(
    method: Method, called: str, split: DomainSplit, tables: Tables, *, seeds: Sequence[int], folder: Path
) -> Predictions:
    """Two models, each told of one half of the shifted patients and reported on the other half."""
    ids = reported_ids(split)
    halves = np.array([half_of(split, image) for image in ids])
    probabilities = np.empty((len(seeds), len(ids), len(split.classes)))
    for told in range(HALVES):
        seen = [image for image in split.shifted if half_of(split, image) == told]
        data = replace(tables.training_data(split), oracle=told_of(split, seen, tables))
        fitted = method.fit(data, seeds=seeds)
        fitted.save(folder / f"told-half-{told}")
        rows = np.flatnonzero(halves != told)
        probabilities[:, rows] = fitted.predict(tables.inputs([ids[row] for row in rows]))
    return Predictions(called, split.name, tuple(seeds), ids, probabilities)


def half_of(split: DomainSplit, image: str) -> int:
    """0 or 1, the same for all images of a patient."""
    return int(hashlib.sha256(split.patient.get(image, image).encode()).hexdigest(), 16) % HALVES


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
