"""Whether the concepts that an answer rests on are in the image (CEM of arXiv 2501.19271)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.answer_records import ConceptExistence
from models.concept_audit.estimate import share_estimate
from models.concept_audit.scored_images import ScoredImages
from models.evaluation.audit import AuditSettings
from models.evaluation.intervals import shared_weights
from models.evaluation.metrics import divide

TOPS = (1, 3, 5)


def concept_existence(
    images: ScoredImages, heads: Sequence[KnoBo], *, domain: str, settings: AuditSettings | None = None
) -> tuple[ConceptExistence, ...]:
    """The first one, three and five concepts of each image that has answers; nothing where none has.

    As published, concepts are put in order by weight times score, so that only what a detector sees can be
    named. A head that centres its scores also rests on what is absent: `right` puts them in order by what
    they add to the predicted class over the others, and counts an absence that the answers confirm.
    """
    settings = settings or AuditSettings()
    rows = np.flatnonzero(~np.isnan(images.answers).all(axis=1))
    tops = [top for top in TOPS if top <= len(images.concept_ids)]
    if not len(rows) or not heads:
        return ()
    drawn = [images.units[row] for row in rows]
    weights = shared_weights(drawn, replicates=settings.replicates, seed=settings.seed)
    return tuple(
        existences(images, rows, heads, domain=domain, tops=tops, weights=weights, settings=settings)
    )


def existences(
    images: ScoredImages,
    rows: NDArray[np.intp],
    heads: Sequence[KnoBo],
    *,
    domain: str,
    tops: Sequence[int],
    weights: NDArray[np.float64],
    settings: AuditSettings,
) -> Iterator[ConceptExistence]:
    """One a number of concepts."""
    scores, answers = images.scores[rows], images.answers[rows]
    dealt = answers[np.random.default_rng(settings.seed).permutation(len(rows))]
    units = len({images.units[row] for row in rows.tolist()})
    seen = [seen_order(head, scores) for head in heads]
    added, expected = zip(*(added_order(head, scores) for head in heads), strict=True)
    for top in tops:
        curve = confirmed([(order[:, :top], answers, None) for order in seen], weights)
        base = confirmed([(order[:, :top], dealt, None) for order in seen], weights[:1])
        pairs = zip(added, expected, strict=True)
        right = confirmed([(order[:, :top], answers, signs) for order, signs in pairs], weights[:1])
        if np.isnan([curve[0], base[0], right[0]]).any() or np.isnan(curve[1:]).all():
            continue
        value, low, high = share_estimate(curve, units=units, level=settings.level)
        yield ConceptExistence(
            split=images.split,
            domain=domain,
            top=top,
            share=value,
            low=low,
            high=high,
            base=round(float(base[0]), 6),
            right=round(float(right[0]), 6),
            n=len(rows),
        )


def seen_order(head: KnoBo, scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Concepts of each image by weight for the predicted class times score, the largest first, `(n, c)`."""
    winners = head.logits(scores).argmax(axis=1)
    return np.argsort(-(head.weight[winners] * scores), axis=1, kind="stable")


def added_order(head: KnoBo, scores: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Concepts by what they add to the predicted class over the others, and whether a yes speaks for it."""
    winners = head.logits(scores).argmax(axis=1)
    weight = head.weight.astype(np.float64)
    others = (weight.sum(axis=0) - weight) / max(1, len(weight) - 1)
    margin = (weight - others)[winners]
    return np.argsort(-(margin * head.scaling.apply(scores)), axis=1, kind="stable"), margin > 0


def confirmed(
    looks: Sequence[tuple[NDArray[np.intp], NDArray[np.floating], NDArray[np.bool_] | None]],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of the known answers of some concepts that are as expected, mean over images, `(b,)`.

    Args:
        looks: Of each head: which concepts `(n, t)`, the answers `(n, c)` and the answers expected `(n, c)`,
            yes for all if None.
        weights: `(b, n)`.
    """
    hits, known = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
    for places, answers, expected in looks:
        told = np.take_along_axis(answers, places, axis=1)
        wanted = True if expected is None else np.take_along_axis(expected, places, axis=1)
        hits += (~np.isnan(told) & ((told >= 0.5) == wanted)).sum(axis=1)
        known += (~np.isnan(told)).sum(axis=1)
    share = divide(hits, known)
    return divide(weights @ np.nan_to_num(share), weights @ (known > 0).astype(np.float64))
