"""Prints how fast the batched solvers are as a ratio to a plain reference in the same run.

python tests/benchmarks/speed.py
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from figures import Figure, report
from sklearn.linear_model import LogisticRegression
from torch import nn

from models.features.table import FeatureTable
from models.grounding import fit_grounders
from models.grounding.grounder import GroundingSettings
from models.heads.mini_batch import train_mini_batch
from models.heads.shared import HeadSettings, Sample

IMAGES, FEATURES, CONCEPTS, SEEDS, EPOCHS = 1000, 512, 40, 5, 50


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def grounders() -> tuple[float, float]:
    """Ours and scikit-learn's, without cross-validation on either side beyond ours."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(IMAGES, FEATURES)).astype(np.float32)
    answers = (
        values @ generator.normal(size=(FEATURES, CONCEPTS)) + 20 * generator.normal(size=(IMAGES, CONCEPTS))
        > 0
    )
    ids = tuple(map(str, range(IMAGES)))
    table = FeatureTable(ids, tuple(map(str, range(FEATURES))), values)
    names = tuple(f"c{number}" for number in range(CONCEPTS))
    settings = GroundingSettings(C=0.001, replicates=1)

    def ours() -> None:
        fit_grounders(table, answers.astype(np.float32), concept_ids=names, settings=settings)

    def theirs() -> None:
        folds = generator.integers(0, settings.folds, IMAGES)
        for column in answers.T:
            for fold in range(settings.folds + 1):
                keep = folds != fold
                LogisticRegression(C=0.001, class_weight="balanced", max_iter=1000).fit(
                    values[keep], column[keep]
                )

    return seconds(ours), seconds(theirs)


def heads() -> tuple[float, float]:
    """Ours, all seeds at once, and a plain loop over torch.nn.Linear."""
    generator = np.random.default_rng(0)
    scores = generator.random((IMAGES, CONCEPTS)).astype(np.float32)
    labels = generator.integers(0, 2, IMAGES)
    sample = Sample(scores, labels)

    def ours() -> None:
        train_mini_batch(sample, sample, classes=2, seeds=range(SEEDS), settings=HeadSettings(epochs=EPOCHS))

    def theirs() -> None:
        inputs, targets = torch.from_numpy(scores), torch.from_numpy(labels)
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            linear = nn.Linear(CONCEPTS, 2, bias=False)
            adam = torch.optim.Adam(linear.parameters(), lr=1e-3)
            for _ in range(EPOCHS):
                for rows in torch.randperm(IMAGES).split(64):
                    adam.zero_grad()
                    nn.functional.cross_entropy(linear(inputs[rows]), targets[rows]).backward()
                    adam.step()

    return seconds(ours), seconds(theirs)


def measure() -> dict[str, Figure]:
    """Ratio of the plain reference to ours, in the same run."""
    warnings.simplefilter("ignore")
    figures = {}
    for name, (ours, reference), against in (
        ("grounders", grounders(), "a loop over scikit-learn's LogisticRegression"),
        ("heads", heads(), "a loop over seeds with torch.nn.Linear"),
    ):
        how = f"{ours:.2f} s against {reference:.2f} s of {against}, {IMAGES} images, {CONCEPTS} concepts"
        figures[f"{name}.ratio_reference"] = Figure(reference / ours, "ratio", how)
    return figures


if __name__ == "__main__":
    report(measure())
