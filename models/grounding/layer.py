"""All grounders as one logistic layer, and the scores of each image by a layer that never saw its patient."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.grounding.answers import Answers
from models.grounding.settings import GroundingSettings
from models.logistic import Design, fit_logistic

log = logging.getLogger("knobo")

BLOCK = 150  # concepts fitted together: enough for fast matrix products, few enough to see progress
CELLS = 10_000_000  # folds x concepts x images held at once: 40 MB an array
FOLD_TOLERANCE = 1e-3  # held-out scores need fewer digits than the coefficients that are kept


@dataclass(frozen=True, slots=True)
class Layer:
    """Fitted concepts.

    Attributes:
        weight: `(c, d)`.
        bias: `(c,)`.
        held_out: `(c, n)` logits, each image by the fold that left it out.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    held_out: NDArray[np.float64]


def assign_folds(units: Sequence[str], *, count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each image, `(n,)`: units in random order, each into the fold that is smallest so far."""
    names, number, sizes = np.unique(
        np.asarray(units, dtype=np.str_), return_inverse=True, return_counts=True
    )
    if count < 2 or len(names) < count:
        raise ModelsError(
            f"{count} folds were asked for and there are {len(names)} groups of images; "
            "give at least 2 folds and as many groups as folds"
        )
    fold_of = np.empty(len(names), dtype=np.int64)
    filled = np.zeros(count, dtype=np.int64)
    for unit in np.random.default_rng(seed).permutation(len(names)):
        fold_of[unit] = filled.argmin()
        filled[fold_of[unit]] += sizes[unit]
    return fold_of[number]


def fit_layer(
    design: Design,
    answers: Answers,
    *,
    folds: NDArray[np.int64],
    settings: GroundingSettings,
    progress: Callable[[int, int], None] | None,
) -> Layer:
    """Fits all concepts on all images, and once a fold on the others for the held-out logits."""
    total, images = answers.known.shape
    step = max(1, min(BLOCK, CELLS // (images * settings.folds)))
    parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for start in range(0, total, step):
        block = answers.part(slice(start, start + step))
        full = fit_logistic(design, *block.problems(settings))
        parts.append((full, hold_out(design, block, start=full, folds=folds, settings=settings)))
        if progress is not None:
            progress(min(start + step, total), total)
    coefficients = np.concatenate([full for full, _ in parts])
    held_out = np.concatenate([logits for _, logits in parts])
    return Layer(coefficients[:, :-1], coefficients[:, -1], held_out)


def hold_out(
    design: Design,
    answers: Answers,
    *,
    start: NDArray[np.float64],
    folds: NDArray[np.int64],
    settings: GroundingSettings,
) -> NDArray[np.float64]:
    """Logits `(c, n)` of each image by the fit without its fold; all folds are fitted together."""
    masks = [folds != fold for fold in range(settings.folds)]
    parts = [answers.within(mask).problems(settings) for mask in masks]
    targets, weights = (np.concatenate(side) for side in zip(*parts, strict=True))
    coefficients = fit_logistic(
        design,
        targets,
        weights,
        start=np.tile(start, (settings.folds, 1)) * weights.any(axis=1, keepdims=True),
        tolerance=FOLD_TOLERANCE,
        unsettled=tell_unsettled,
    )
    logits = np.empty(answers.known.shape)
    for mask, part in zip(masks, np.split(coefficients, settings.folds), strict=True):
        logits[:, ~mask] = design.logits(part, np.flatnonzero(~mask))
    return logits


def tell_unsettled(left: int, problems: int, steps: int) -> None:
    """Warn that held-out scores are not exact."""
    log.warning(
        "%d of %d held-out fits of concepts did not settle in %d steps, so that their quality is "
        "approximate; lower C, or give the features the scaling standard",
        left,
        problems,
        steps,
    )
