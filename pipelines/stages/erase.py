"""Stage `erase`: concepts learnt again without what the features know of how the images were taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.acquisition.attributes import collect, shuffled
from models.acquisition.balancing import balanced_row_weights
from models.acquisition.erasure import Eraser, fit_eraser
from models.features.table import FeatureTable
from pipelines.config import Config
from pipelines.directories import new_directory
from pipelines.run import Run
from pipelines.stages.ground import Examples, best, fit_on, read_examples

ERASED, RANDOM, BALANCED = "erased", "erased_random", "balanced"
METHODS = {
    ERASED: ("knobo", "no_prior", "random_prior", "prior_only", "linear_probe"),
    RANDOM: ("knobo", "linear_probe"),
    BALANCED: ("knobo",),
}
"""What is tried in each arm."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done against the attributes in one arm.

    Attributes:
        arm: Its name.
        eraser: Of the features; None where they stay as they are.
        row_weights: `(n, c)` of the grounding images; None where all count alike.
    """

    arm: str
    eraser: Eraser | None = None
    row_weights: NDArray[np.float64] | None = None


def erase(run: Run) -> None:
    """A grounder, and the scores of every image, for each arm that is configured."""
    with new_directory(run.path("erased")) as directory:
        if not run.config.erasure.attributes:
            return
        features = FeatureTable.load(run.path("features"))
        known = read_examples(run, features)
        for treatment in treatments(run.config, known):
            treat(run, treatment, known, features, directory / treatment.arm)


def arm_names(config: Config) -> tuple[str, ...]:
    """The arms that a configuration asks for."""
    if not config.erasure.attributes:
        return ()
    return (ERASED, RANDOM, *([BALANCED] if config.erasure.balance else []))


def treatments(config: Config, known: Examples) -> Iterator[Treatment]:
    """One an arm, fitted on the grounding images."""
    section = config.erasure
    values = collect((record.attributes for record in known.records), section.attributes)
    yield Treatment(ERASED, fit_eraser(known.features, values, minimum=section.minimum))
    dealt = shuffled(values, seed=config.seed)
    yield Treatment(RANDOM, fit_eraser(known.features, dealt, minimum=section.minimum))
    if section.balance:
        weights = balanced_row_weights(known.answers, values, minimum=section.minimum)
        yield Treatment(BALANCED, row_weights=weights)


def treat(run: Run, treatment: Treatment, known: Examples, features: FeatureTable, target: Path) -> None:
    """Grounds the concepts anew; the grounder that is kept reads the features as they are."""
    eraser, inputs = treatment.eraser, known.features
    if eraser is not None:
        eraser.save(target / "eraser")
        inputs = eraser.apply(inputs)
    fitted = fit_on(run, known, inputs, row_weights=treatment.row_weights, what=f"ground, {treatment.arm}")
    kept = best(eraser.into(fitted) if eraser is not None else fitted, run.config.grounding)
    kept.save(target / "grounder")
    kept.score(features).save(target / "scores")
