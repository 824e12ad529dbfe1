"""What a head says once its concepts are taken from it: no better than chance, if it reads them alone."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.estimate import share_estimate
from models.concept_audit.records import Faithfulness
from models.evaluation.audit import AuditSettings
from models.evaluation.intervals import shared_weights
from models.evaluation.metrics import divide
from models.what_if.split_heads import DomainImages, SplitHeads

DRAWS = 20  # of what is dealt or drawn by chance; their mean is given
LEAST = 1e-12  # probability, so that a logarithm is finite


def measure_faithfulness(
    heads: SplitHeads, *, settings: AuditSettings | None = None
) -> tuple[Faithfulness, ...]:
    """Every kind of scores in every domain of a split."""
    settings = settings or AuditSettings()
    return tuple(
        faithfulness_of(heads, images, name, versions, settings=settings)
        for images in heads.domains()
        for name, versions in altered(heads.heads, images.scores, seed=settings.seed)
    )


def altered(
    heads: Sequence[KnoBo], scores: NDArray[np.floating], *, seed: int
) -> Iterator[tuple[str, Iterable[NDArray[np.floating]]]]:
    """Names and versions of `scores (n, c)`, each made when it is asked for."""
    generator = np.random.default_rng(seed)
    yield "as_they_are", [scores]
    yield "zeroed", [np.broadcast_to(heads[0].scaling.center, scores.shape)]
    yield "permuted", (generator.permuted(scores, axis=0) for _ in range(DRAWS))
    yield "other_image", (scores[generator.permutation(len(scores))] for _ in range(DRAWS))
    yield "random", (generator.random(scores.shape) for _ in range(DRAWS))


def faithfulness_of(
    heads: SplitHeads,
    images: DomainImages,
    name: str,
    versions: Iterable[NDArray[np.floating]],
    *,
    settings: AuditSettings,
) -> Faithfulness:
    """Seeds and versions averaged image by image before the bootstrap."""
    correct, loss, count = np.zeros(len(images.ids)), 0.0, 0
    rows = np.arange(len(images.ids))
    for values in versions:
        for head in heads.heads:
            count += 1
            probabilities = head.predict(values)
            correct += probabilities.argmax(axis=1) == images.labels
            loss -= float(np.log(np.maximum(probabilities[rows, images.labels], LEAST)).mean())
    weights = shared_weights(images.units, replicates=settings.replicates, seed=settings.seed)
    curve = divide(weights @ (correct / count), weights.sum(axis=1))
    value, low, high = share_estimate(curve, units=len(set(images.units)), level=settings.level)
    return Faithfulness(
        split=heads.split.name,
        domain=images.domain,
        scores=name,
        accuracy=value,
        low=low,
        high=high,
        log_loss=round(loss / count, 6),
        n=len(images.ids),
    )
