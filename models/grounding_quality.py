"""How well each concept is seen: AUROC and balanced accuracy of held-out scores, with their intervals."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import bootstrap_weights, interval
from models.evaluation.metrics import auroc, balanced_accuracy
from models.grounder import ConceptQuality


def measure(
    held_out: NDArray[np.float64],
    yes: NDArray[np.float64],
    known: NDArray[np.bool_],
    *,
    concept_ids: Sequence[str],
    units: Sequence[str],
    replicates: int,
    seed: int,
) -> tuple[ConceptQuality, ...]:
    """Quality of each concept by its held-out logits, before calibration.

    Args:
        held_out: `(c, n)` logits.
        yes: `(c, n)`, 1 for yes.
        known: `(c, n)` where the answer is known.
        concept_ids: `(c,)`.
        units: `(n,)` patient of each image.
        replicates: Of the bootstrap over patients, the same for all concepts.
        seed: Of the bootstrap.
    """
    generator = np.random.default_rng(seed)
    weights = bootstrap_weights(units, replicates=replicates, generator=generator)
    return tuple(
        measure_concept(concept, logits[use], answer[use].astype(np.int64), weights=weights[:, use])
        for concept, logits, answer, use in zip(concept_ids, held_out, yes, known, strict=True)
    )


def measure_concept(
    concept: str,
    logits: NDArray[np.float64],
    yes: NDArray[np.int64],
    *,
    weights: NDArray[np.float64],
) -> ConceptQuality:
    """Of one concept, on the images where its answer is known; row 0 of `weights` is the sample itself."""
    scores = np.stack([-logits, logits], axis=1)
    ranking, recall = auroc(yes, scores, weights), balanced_accuracy(yes, scores, weights)
    ranking_interval, recall_interval = interval(ranking[1:]), interval(recall[1:])
    return ConceptQuality(
        concept_id=concept,
        n_yes=int(yes.sum()),
        n_no=int((1 - yes).sum()),
        auroc=float(ranking[0]),
        auroc_low=ranking_interval.low,
        auroc_high=ranking_interval.high,
        balanced_accuracy=float(recall[0]),
        balanced_accuracy_low=recall_interval.low,
        balanced_accuracy_high=recall_interval.high,
    )
