"""How well each concept is seen: AUROC and balanced accuracy of held-out scores, with their intervals."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import Draws, draw_units, interval
from models.evaluation.metrics import auroc, balanced_accuracy, blocks
from models.grounding.concept_records import ConceptQuality

CELLS = 5_000_000  # replicates x images at once: 40 MB an array


def measure(
    held_out: NDArray[np.float64],
    yes: NDArray[np.bool_],
    known: NDArray[np.bool_],
    *,
    decisive: NDArray[np.float64],
    concept_ids: Sequence[str],
    units: Sequence[str],
    replicates: int,
    seed: int,
) -> tuple[ConceptQuality, ...]:
    """Quality of each concept by its held-out logits.

    Args:
        held_out: `(c, n)` logits that rank the images: those before calibration, which may level them.
        yes: `(c, n)`.
        known: `(c, n)` where the answer is known.
        decisive: `(c, n)` logits above 0 for a yes: those after calibration.
        concept_ids: `(c,)`.
        units: `(n,)` patient of each image.
        replicates: Of the bootstrap over patients, the same for all concepts.
        seed: Of the bootstrap.
    """
    draws = draw_units(units, replicates=replicates, generator=np.random.default_rng(seed))
    return tuple(
        measure_concept(
            concept,
            ranking[use],
            answer[use],
            decisive=deciding[use],
            draws=draws,
            images=np.flatnonzero(use),
        )
        for concept, ranking, deciding, answer, use in zip(
            concept_ids, held_out, decisive, yes, known, strict=True
        )
    )


def measure_concept(
    concept: str,
    logits: NDArray[np.float64],
    yes: NDArray[np.bool_],
    *,
    decisive: NDArray[np.float64],
    draws: Draws,
    images: NDArray[np.intp],
) -> ConceptQuality:
    """Of one concept, on the images where its answer is known, a block of replicates at a time."""
    labels = yes.astype(np.int64)
    scores, decisions = (np.stack([-side, side], axis=1) for side in (logits, decisive))
    parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for block in blocks(len(draws.counts), step=max(1, CELLS // len(images))):
        weights = draws.weights(block, images)
        parts.append((auroc(labels, scores, weights), balanced_accuracy(labels, decisions, weights)))
    ranking, recall = (np.concatenate(side) for side in zip(*parts, strict=True))
    ranking_interval, recall_interval = interval(ranking[1:]), interval(recall[1:])
    return ConceptQuality(
        concept_id=concept,
        n_yes=int(yes.sum()),
        n_no=int((~yes).sum()),
        auroc=float(ranking[0]),
        auroc_low=ranking_interval.low,
        auroc_high=ranking_interval.high,
        balanced_accuracy=float(recall[0]),
        balanced_accuracy_low=recall_interval.low,
        balanced_accuracy_high=recall_interval.high,
    )
