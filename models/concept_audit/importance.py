"""Whether a class rests on the concepts that go with it: global importance (CGIM of arXiv 2501.19271)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.answer_records import ClassImportance
from models.concept_audit.estimate import rounded
from models.concept_audit.scored_images import ScoredImages
from models.evaluation.metrics import divide


def class_importance(
    images: ScoredImages, training: ScoredImages, heads: Sequence[KnoBo]
) -> tuple[ClassImportance, ...]:
    """CGIM1 to CGIM3 of each class.

    Args:
        images: Of the domain on which the head is asked.
        training: Images with answers, from which the shares of yes in each class are counted.
        heads: One a seed; the mean of their weights is taken.
    """
    shares = class_shares(training, classes=len(heads[0].classes))
    weights = mean_weights(heads)
    scores = right_scores(images, heads)
    contrast = weights - weights.mean(axis=0), shares - shares.mean(axis=0)
    answered = int((~np.isnan(training.answers)).any(axis=1).sum())
    return tuple(
        ClassImportance(
            split=images.split,
            class_name=name,
            weight=rounded(cosine(weights[row], shares[row])),
            score=rounded(cosine(scores[row], shares[row])),
            contribution=rounded(cosine(weights[row] * scores[row], shares[row])),
            weight_contrast=rounded(cosine(contrast[0][row], contrast[1][row])),
            n=answered,
        )
        for row, name in enumerate(heads[0].classes)
    )


def mean_weights(heads: Sequence[KnoBo]) -> NDArray[np.float64]:
    """Over the seeds, `(k, c)`."""
    return np.asarray(np.mean([head.weight for head in heads], axis=0, dtype=np.float64))


def class_shares(images: ScoredImages, *, classes: int) -> NDArray[np.float64]:
    """Share of yes among the known answers of each class, `(k, c)`; nan where none is known."""
    known = ~np.isnan(images.answers)
    yes = known & (images.answers >= 0.5)
    members = (images.labels[:, None] == np.arange(classes)).astype(np.float64)
    return divide(members.T @ yes, members.T @ known)


def right_scores(images: ScoredImages, heads: Sequence[KnoBo]) -> NDArray[np.float64]:
    """Mean scores of the images that a head classifies rightly, mean over heads, `(k, c)`."""
    found = []
    for head in heads:
        right = head.logits(images.scores).argmax(axis=1) == images.labels
        members = (images.labels[:, None] == np.arange(len(head.classes))) & right[:, None]
        total = np.repeat(members.sum(axis=0, dtype=np.float64)[:, None], images.scores.shape[1], axis=1)
        found.append(divide(members.T.astype(np.float64) @ images.scores.astype(np.float64), total))
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def cosine(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Over the entries that both have; nan where one is all zeros there."""
    both = ~(np.isnan(first) | np.isnan(second))
    length = float(np.linalg.norm(first[both]) * np.linalg.norm(second[both]))
    return float(first[both] @ second[both]) / length if length > 0 else float("nan")
