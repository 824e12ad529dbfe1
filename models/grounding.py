"""Fits grounders: what the reports say about each concept, learnt from image features and cross-validated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from models.errors import ModelsError
from models.features import FeatureTable
from models.grounder import Calibration, ConceptQuality, Grounder, GroundingSettings, Ungrounded
from models.grounding_quality import measure
from models.logistic import Design, fit_logistic
from models.scaling import Scaling

__all__ = ["Calibration", "ConceptQuality", "Grounder", "GroundingSettings", "Ungrounded", "fit_grounders"]

BLOCK = 25  # concepts fitted together: enough for fast matrix products, few enough to see progress
CELLS = 10_000_000  # folds x concepts x images held at once: 80 MB an array
FOLD_TOLERANCE = 1e-3  # held-out scores need fewer digits than the coefficients that are kept

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of the concepts that can be grounded.

    Attributes:
        yes: `(c, n) float64`, 1 for yes, 0 for no or unknown.
        known: `(c, n) bool`.
        row_weights: `(c, n)`, how much each image counts before the answers are balanced.
    """

    yes: NDArray[np.float64]
    known: NDArray[np.bool_]
    row_weights: NDArray[np.float64]

    def part(self, rows: slice) -> "Answers":
        """Some of the concepts."""
        return Answers(self.yes[rows], self.known[rows], self.row_weights[rows])

    def within(self, mask: NDArray[np.bool_]) -> "Answers":
        """Only the images of `mask (n,)` known."""
        return Answers(self.yes, self.known & mask, self.row_weights)


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


def fit_grounders(
    features: FeatureTable,
    answers: NDArray[np.floating],
    *,
    concept_ids: Sequence[str],
    groups: Sequence[str] | None = None,
    row_weights: NDArray[np.floating] | None = None,
    settings: GroundingSettings | None = None,
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
        progress: Told how many concepts are done.

    Raises:
        ModelsError: Shapes that do not fit, or no concept with enough answers of both kinds.
    """
    settings = settings or GroundingSettings()
    units = tuple(groups) if groups is not None else features.ids
    check_shapes(features, answers, concept_ids=concept_ids, units=units)
    table, enough = tabulate(answers, row_weights, settings=settings)
    scaling = Scaling.fit(settings.scaling, features.values)
    design = Design.of(scaling.apply(features.values))
    folds = assign_folds(units, count=settings.folds, seed=settings.seed)
    layer = fit_layer(design, table, folds=folds, settings=settings, progress=progress)
    kept = tuple(concept for concept, usable in zip(concept_ids, enough, strict=True) if usable)
    quality = measure(
        layer.held_out,
        table.yes,
        table.known,
        concept_ids=kept,
        units=units,
        replicates=settings.replicates,
        seed=settings.seed,
    )
    if settings.calibration is Calibration.PLATT:
        layer = calibrate(layer, table)
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
    )


def check_shapes(
    features: FeatureTable,
    answers: NDArray[np.floating],
    *,
    concept_ids: Sequence[str],
    units: Sequence[str],
) -> None:
    """Raises ModelsError where ids, answers and groups do not belong together."""
    expected = (len(features.ids), len(concept_ids))
    if answers.shape != expected:
        raise ModelsError(
            f"the answers have shape {answers.shape} for {expected[0]} images and {expected[1]} concepts; "
            "give one row an image and one column a concept"
        )
    if len(units) != expected[0]:
        raise ModelsError(f"{len(units)} groups were given for {expected[0]} images; give one an image")


def spread_weights(
    row_weights: NDArray[np.floating] | None, *, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """One weight an image and concept, `(n, c)`, a read-only view where it can be."""
    if row_weights is None:
        return np.broadcast_to(np.float64(1), shape)
    if row_weights.shape not in (shape, shape[:1]):
        raise ModelsError(
            f"the row weights have shape {row_weights.shape} for {shape[0]} images and {shape[1]} concepts; "
            "give one an image, or one row an image and one column a concept"
        )
    if not (np.isfinite(row_weights).all() and (row_weights >= 0).all()):
        raise ModelsError("the row weights hold numbers below 0 or not finite; give weights from 0 on")
    wide = row_weights if row_weights.ndim == 2 else row_weights[:, None]
    return np.broadcast_to(wide.astype(np.float64), shape)


def tabulate(
    answers: NDArray[np.floating], row_weights: NDArray[np.floating] | None, *, settings: GroundingSettings
) -> tuple[Answers, NDArray[np.bool_]]:
    """The concepts with enough answers of both kinds, and which they are, `(c,) bool`."""
    known, yes = ~np.isnan(answers), answers >= 0.5
    weights = spread_weights(row_weights, shape=answers.shape)
    learnt = known & (weights > 0)
    rarer = np.minimum((learnt & yes).sum(axis=0), (learnt & ~yes).sum(axis=0))
    enough = rarer >= max(settings.minimum, 1)
    if not enough.any():
        raise ModelsError(
            f"none of {answers.shape[1]} concepts has {settings.minimum} yes and {settings.minimum} no in "
            f"{answers.shape[0]} images with reports; give more reports or lower the minimum"
        )
    parts = yes[:, enough].T.astype(np.float64), np.ascontiguousarray(known[:, enough].T)
    return Answers(*parts, np.ascontiguousarray(weights[:, enough].T)), enough


def rejected(
    answers: NDArray[np.floating], *, concept_ids: Sequence[str], enough: NDArray[np.bool_]
) -> tuple[Ungrounded, ...]:
    """The concepts that could not be fitted, with their counts."""
    n_yes, n_no = (answers >= 0.5).sum(axis=0), (answers < 0.5).sum(axis=0)
    places = np.flatnonzero(~enough)
    return tuple(Ungrounded(concept_ids[int(row)], int(n_yes[row]), int(n_no[row])) for row in places)


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
    progress: Progress | None,
) -> Layer:
    """Fits all concepts on all images, and once a fold on the others for the held-out logits."""
    total, images = answers.yes.shape
    step = max(1, min(BLOCK, CELLS // (images * settings.folds)))
    parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for start in range(0, total, step):
        block = answers.part(slice(start, start + step))
        full = fit_logistic(design, block.yes, sample_weights(block, settings=settings))
        parts.append((full, hold_out(design, block, start=full, folds=folds, settings=settings)))
        if progress is not None:
            progress(min(start + step, total), total)
    coefficients = np.concatenate([full for full, _ in parts])
    held_out = np.concatenate([logits for _, logits in parts])
    return Layer(coefficients[:, :-1], coefficients[:, -1], held_out)


def sample_weights(answers: Answers, *, settings: GroundingSettings) -> NDArray[np.float64]:
    """`C` times scikit-learn's sample weights, `(c, n)`; 0 where unknown, or where all answers are alike."""
    counts = answers.known * answers.row_weights
    yes = (counts * answers.yes).sum(axis=1, keepdims=True)
    no = (counts * (1 - answers.yes)).sum(axis=1, keepdims=True)
    counts = counts * ((yes > 0) & (no > 0))
    if not settings.balanced:
        return np.asarray(settings.C * counts)
    halves = [(yes + no) / (2 * np.where(each > 0, each, 1)) for each in (yes, no)]
    return np.asarray(settings.C * counts * np.where(answers.yes > 0, *halves))


def hold_out(
    design: Design,
    answers: Answers,
    *,
    start: NDArray[np.float64],
    folds: NDArray[np.int64],
    settings: GroundingSettings,
) -> NDArray[np.float64]:
    """Logits `(c, n)` of each image by the fit without its fold; all folds are fitted together."""
    count = settings.folds
    masks = [folds != fold for fold in range(count)]
    parts = [answers.within(mask) for mask in masks]
    weights = np.concatenate([sample_weights(part, settings=settings) for part in parts])
    coefficients = fit_logistic(
        design,
        np.tile(answers.yes, (count, 1)),
        weights,
        start=np.tile(start, (count, 1)) * weights.any(axis=1, keepdims=True),
        tolerance=FOLD_TOLERANCE,
    )
    logits = np.empty(answers.yes.shape)
    for mask, part in zip(masks, np.split(coefficients, count), strict=True):
        logits[:, ~mask] = part[:, :-1] @ design.given[~mask].T + part[:, -1:]
    return logits


def calibrate(layer: Layer, answers: Answers) -> Layer:
    """Platt's slope and offset of each concept, folded into its weight and bias."""
    pairs = zip(layer.held_out, answers.yes, answers.known, strict=True)
    fitted = np.array([platt(logits[known], yes[known]) for logits, yes, known in pairs])
    slope, offset = fitted[:, :1], fitted[:, 1:]
    return Layer(
        weight=layer.weight * slope,
        bias=layer.bias * slope[:, 0] + offset[:, 0],
        held_out=layer.held_out * slope + offset,
    )


def platt(logits: NDArray[np.float64], yes: NDArray[np.float64]) -> tuple[float, float]:
    """Slope (not negative) and offset that fit the answers best (Platt 1999, with its smoothed targets)."""
    n_yes, n_no = yes.sum(), (1 - yes).sum()
    targets = np.where(yes > 0, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))

    def loss(place: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moved = place[0] * logits + place[1]
        gap = expit(moved) - targets
        value = np.logaddexp(0, moved) - targets * moved
        return float(value.sum()), np.array([gap @ logits, gap.sum()])

    start = np.array([1.0, np.log((n_yes + 1) / (n_no + 1))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]).x
    return float(found[0]), float(found[1])
