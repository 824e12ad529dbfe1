"""Whether the concepts that an explanation names carry the answer: they are taken away one by one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.records import Deletion
from models.evaluation.metrics import blocks
from models.scaling import ScalingKind
from models.what_if.interventions.effects import effects
from models.what_if.split_heads import DomainImages, SplitHeads

ROWS = 4096  # images at a time: 10 MB for 150 concepts and two classes
ORDERS = ("largest", "smallest", "random")


def delete_concepts(heads: SplitHeads, *, seed: int = 0) -> tuple[Deletion, ...]:
    """Every order in every domain of a split.

    Each image has its own order: by what a concept adds to the logit of the class that the head predicts,
    over the mean of the others. If explanations are true to the head, taking the largest first turns the
    answer soonest, taking the smallest first latest, and a random order lies between. Nothing is said of a
    head that divides each image's scores by their length.
    """
    if heads.heads[0].scaling.kind is ScalingKind.UNIT:
        return ()
    return tuple(
        deletion_of(heads, images, order, np.random.default_rng(seed))
        for images in heads.domains()
        for order in ORDERS
    )


def deletion_of(
    heads: SplitHeads, images: DomainImages, order: str, generator: np.random.Generator
) -> Deletion:
    """One order; means over seeds."""
    removed = counts_to(images.scores.shape[1])
    decided = np.stack(
        [
            remaining(head, images.scores, heads.usual, order=order, removed=removed, generator=generator)
            for head in heads.heads
        ]
    )
    return Deletion(
        split=heads.split.name,
        domain=images.domain,
        order=order,
        removed=removed,
        accuracy=rounded((decided == images.labels[:, None]).mean(axis=(0, 1))),
        same=rounded((decided == decided[:, :, :1]).mean(axis=(0, 1))),
        n=len(images.ids),
    )


def remaining(
    head: KnoBo,
    scores: NDArray[np.floating],
    usual: NDArray[np.float64],
    *,
    order: str,
    removed: Sequence[int],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """Classes `(n, m)` with so many concepts at their usual score."""
    found = np.empty((len(scores), len(removed)), dtype=np.int64)
    for rows in blocks(len(scores), step=ROWS):
        logits = head.logits(scores[rows])
        gone = effects(head, scores[rows], usual)
        ranks = ranking(margins(gone, logits.argmax(axis=1)), order, generator)
        taken = np.take_along_axis(gone, ranks[:, None, :], axis=2).cumsum(axis=2)
        for place, count in enumerate(removed):
            left = logits + taken[:, :, count - 1] if count else logits
            found[rows, place] = left.argmax(axis=1)
    if removed[-1] == scores.shape[1]:  # of sums that cancel, only rounding would decide
        found[:, -1] = head.logits(usual[None]).argmax()
    return found


def margins(gone: NDArray[np.float64], winners: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each concept adds to the winner over the mean of the other classes, `(n, c)`, from `(n, k, c)`."""
    own = gone[np.arange(len(gone)), winners]
    others = (gone.sum(axis=1) - own) / max(1, gone.shape[1] - 1)
    return np.asarray(others - own, dtype=np.float64)


def ranking(amounts: NDArray[np.float64], order: str, generator: np.random.Generator) -> NDArray[np.intp]:
    """Places of the concepts of each image, the first to go first, `(n, c)`."""
    if order == "random":
        return np.asarray(generator.random(amounts.shape).argsort(axis=1))
    return np.asarray(np.argsort(-amounts if order == "largest" else amounts, axis=1, kind="stable"))


def counts_to(concepts: int) -> tuple[int, ...]:
    """0, 1, 2, 4 and so on up to all."""
    powers = (2**exponent for exponent in range(concepts.bit_length()))
    return (0, *(count for count in powers if count < concepts), concepts)


def rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Six digits."""
    return tuple(round(float(value), 6) for value in values)
