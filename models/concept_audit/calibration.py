"""Whether a concept's score means the same in every domain: scores beside known answers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.concept_audit.drawn_auroc import drawn_aurocs
from models.concept_audit.estimate import share_estimate
from models.concept_audit.records import ConceptCalibration
from models.concept_audit.scored_images import ScoredImages
from models.evaluation.audit import AuditSettings
from models.evaluation.intervals import Draws, draw_units

ANSWERED = 10  # images with an answer, below which nothing is said of a concept
BINS = 10


def calibrate_concepts(
    images: ScoredImages, *, domain: str, settings: AuditSettings | None = None
) -> tuple[ConceptCalibration, ...]:
    """Each concept with at least ten known answers, in the order of the concepts.

    Args:
        images: Of one domain of a split.
        domain: Its name.
        settings: Of the bootstrap.
    """
    settings = settings or AuditSettings()
    draws = draw_units(
        images.units, replicates=settings.replicates, generator=np.random.default_rng(settings.seed)
    )
    return tuple(calibrations(images, domain, draws, level=settings.level))


def calibrations(
    images: ScoredImages, domain: str, draws: Draws, *, level: float
) -> Iterator[ConceptCalibration]:
    """One a concept."""
    for column, concept_id in enumerate(images.concept_ids):
        rows = np.flatnonzero(~np.isnan(images.answers[:, column]))
        if len(rows) < ANSWERED:
            continue
        yes = images.answers[rows, column] >= 0.5
        scores = images.scores[rows, column].astype(np.float64)
        auroc, low, high = auroc_interval(yes, scores, rows, draws, level=level)
        yield ConceptCalibration(
            split=images.split,
            domain=domain,
            concept_id=concept_id,
            n_yes=int(yes.sum()),
            n_no=int((~yes).sum()),
            auroc=auroc,
            low=low,
            high=high,
            mean_score=round(float(scores.mean()), 6),
            share=round(float(yes.mean()), 6),
            brier=round(float(np.square(scores - yes).mean()), 6),
            ece=round(equal_mass_error(yes, scores), 6),
        )


def auroc_interval(
    yes: NDArray[np.bool_],
    scores: NDArray[np.float64],
    rows: NDArray[np.intp],
    draws: Draws,
    *,
    level: float,
) -> tuple[float, float, float] | tuple[None, None, None]:
    """Value, low and high; none of them where all answers are alike."""
    if yes.all() or not yes.any():
        return None, None, None
    curve = drawn_aurocs(yes, scores[:, None], draws, rows)[0]
    if np.isnan(curve[1:]).all():
        return None, None, None
    return share_estimate(curve, units=len(np.unique(draws.number[rows])), level=level)


def equal_mass_error(yes: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Expected calibration error over ten bins of as many images each, ordered by score."""
    order = np.argsort(scores, kind="stable")
    bins = np.array_split(order, min(BINS, len(order)))
    return float(sum(abs(float((scores[each] - yes[each]).sum())) for each in bins) / len(order))
