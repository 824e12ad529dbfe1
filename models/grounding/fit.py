"""From features and answers to grounders."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.encoders.devices import available_device
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding.answers import rejected, tabulate
from models.grounding.calibration import calibrate
from models.grounding.grounder import Grounder
from models.grounding.layer import assign_folds, fit_layer
from models.grounding.quality import measure
from models.grounding.separation import inseparable
from models.grounding.settings import Calibration, GroundingSettings
from models.logistic import Design
from models.row_blocks import row_blocks
from models.scaling import Scaling

Progress = Callable[[int, int], None]


def fit_grounders(
    features: FeatureTable,
    answers: NDArray[np.floating],
    *,
    concept_ids: Sequence[str],
    groups: Sequence[str] | None = None,
    row_weights: NDArray[np.floating] | None = None,
    settings: GroundingSettings | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Grounder:
    """One balanced logistic regression a concept (KnoBo, section 3), all solved together.

    Scaling is fitted once on all images (it sees no answer) and shared by the folds.

    Args:
        features: `(n, d)` of the images that have reports.
        answers: `(n, c)` probability of yes, nan where unknown (left out); from 0.5 on it is a yes.
        concept_ids: `(c,)`.
        groups: `(n,)` patient of each image; each image by itself if None.
        row_weights: `(n, c)`, or `(n,)` for all concepts, not negative: as if the image stood there so many
            times (0: not learnt from, still measured); 1 if None.
        settings: Defaults: those of the paper's code, on standardised features.
        device: Where to solve, in torch's words.
        progress: Told how many concepts are done.

    Raises:
        ModelsError: Shapes that do not fit, features that are not finite, answers that are no probability, or
            no concept with enough answers of both kinds.
    """
    settings = settings or GroundingSettings()
    units = tuple(groups) if groups is not None else features.ids
    check_inputs(features, answers, concept_ids=concept_ids, units=units)
    table, enough = tabulate(answers, row_weights, concept_ids=concept_ids, settings=settings)
    scaling = Scaling.fit(settings.scaling, features.values)
    design = Design.of(features.values, scale=scaling.apply, device=available_device(device))
    folds = assign_folds(units, count=settings.folds, seed=settings.seed)
    fitted = fit_layer(design, table, folds=folds, settings=settings, progress=progress)
    layer = calibrate(fitted, table) if settings.calibration is Calibration.PLATT else fitted
    kept = tuple(concept for concept, usable in zip(concept_ids, enough, strict=True) if usable)
    quality = measure(
        fitted.held_out,
        table.yes,
        table.known,
        decisive=layer.held_out,
        concept_ids=kept,
        units=units,
        replicates=settings.replicates,
        seed=settings.seed,
    )
    held_out = np.asarray(expit(layer.held_out.T), dtype=np.float32)
    return Grounder(
        concept_ids=kept,
        columns=features.columns,
        weight=layer.weight,
        bias=layer.bias,
        scaling=scaling,
        quality=quality,
        out_of_fold=FeatureTable(features.ids, kept, held_out),
        ungrounded=rejected(answers, concept_ids=concept_ids, enough=enough),
        settings=settings,
        inseparable=inseparable(table, concept_ids=kept, fewest=settings.minimum),
    )


def check_inputs(
    features: FeatureTable,
    answers: NDArray[np.floating],
    *,
    concept_ids: Sequence[str],
    units: Sequence[str],
) -> None:
    """Raises ModelsError where ids, answers and groups do not belong together, or numbers mean nothing."""
    expected = (len(features.ids), len(concept_ids))
    if answers.shape != expected:
        raise ModelsError(
            f"the answers have shape {answers.shape} for {expected[0]} images and {expected[1]} concepts; "
            "give one row an image and one column a concept"
        )
    if len(units) != expected[0]:
        raise ModelsError(f"{len(units)} groups were given for {expected[0]} images; give one an image")
    if not all(np.isfinite(block).all() for block in row_blocks(features.values)):
        raise ModelsError("the features hold numbers that are not finite; encode those images again")
    if bool(((answers < 0) | (answers > 1)).any()):
        raise ModelsError(
            "the answers hold numbers that are no probability; give 0 to 1, and nan where nothing is known"
        )
