"""What reports say of the concepts, as targets and weights of logistic regressions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.grounding.concept_records import Ungrounded
from models.grounding.settings import GroundingSettings


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of the concepts that can be grounded.

    Attributes:
        known: `(c, n) bool`.
        yes: `(c, n) bool`, no where unknown.
        target: `(c, n) float32` what is learnt, 0 where unknown.
        counts: `(c, n) float32` how much each image counts before the answers are balanced; 0 where unknown.
    """

    known: NDArray[np.bool_]
    yes: NDArray[np.bool_]
    target: NDArray[np.float32]
    counts: NDArray[np.float32]

    def part(self, rows: slice) -> "Answers":
        """Some of the concepts."""
        return Answers(self.known[rows], self.yes[rows], self.target[rows], self.counts[rows])

    def within(self, mask: NDArray[np.bool_]) -> "Answers":
        """Learnt from the images of `mask (n,)` only."""
        return replace(self, counts=self.counts * mask)

    def problems(self, settings: GroundingSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and `C` times scikit-learn's sample weights, `(c, n)` each; weight 0 where all are alike.

        An image with probability p counts as p of a yes and 1 - p of a no, each weighed by its class.
        """
        up, down = self.counts * self.target, self.counts * (1 - self.target)
        yes, no = (part.sum(axis=1, keepdims=True, dtype=np.float64) for part in (up, down))
        both = (yes > 0) & (no > 0)
        if settings.balanced:
            up *= (yes + no) / (2 * np.where(yes > 0, yes, 1))
            down *= (yes + no) / (2 * np.where(no > 0, no, 1))
        weights = up + down
        targets = np.divide(up, weights, out=np.zeros_like(up), where=weights > 0)
        weights *= settings.C * both
        return targets, weights


def tabulate(
    answers: NDArray[np.floating],
    row_weights: NDArray[np.floating] | None,
    *,
    concept_ids: Sequence[str],
    settings: GroundingSettings,
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
    said = answers[:, enough] if settings.soft else yes[:, enough]
    table = Answers(
        known=np.ascontiguousarray(known[:, enough].T),
        yes=np.ascontiguousarray(yes[:, enough].T),
        target=np.ascontiguousarray(np.where(known[:, enough], said, 0).T, dtype=np.float32),
        counts=np.ascontiguousarray((known * weights)[:, enough].T, dtype=np.float32),
    )
    if settings.equal_size is not None:
        kept = [concept for concept, usable in zip(concept_ids, enough, strict=True) if usable]
        table = equal_sized(table, kept, most=settings.equal_size, seed=settings.seed)
    return table, enough


def spread_weights(
    row_weights: NDArray[np.floating] | None, *, shape: tuple[int, ...]
) -> NDArray[np.floating]:
    """One weight an image and concept, `(n, c)`, a read-only view where it can be."""
    if row_weights is None:
        return np.broadcast_to(np.float32(1), shape)
    if row_weights.shape not in {shape, shape[:1]}:
        raise ModelsError(
            f"the row weights have shape {row_weights.shape} for {shape[0]} images and {shape[1]} concepts; "
            "give one an image, or one row an image and one column a concept"
        )
    if not (np.isfinite(row_weights).all() and (row_weights >= 0).all()):
        raise ModelsError("the row weights hold numbers below 0 or not finite; give weights from 0 on")
    return np.broadcast_to(row_weights if row_weights.ndim == 2 else row_weights[:, None], shape)


def equal_sized(table: Answers, concept_ids: Sequence[str], *, most: int, seed: int) -> Answers:
    """As many yes as no are learnt from, at most `most` of each, drawn by chance (KnoBo's code).

    The draw of a concept depends on its id and the seed, not on the other concepts.
    """
    counts = np.zeros_like(table.counts)
    for row, concept in enumerate(concept_ids):
        generator = np.random.default_rng([seed, crc32(concept.encode())])
        learnt = table.counts[row] > 0
        sides = [np.flatnonzero(learnt & (table.yes[row] == side)) for side in (True, False)]
        size = min(most, *map(len, sides))
        drawn = np.concatenate([generator.choice(side, size, replace=False) for side in sides])
        counts[row, drawn] = table.counts[row, drawn]
    return replace(table, counts=counts)


def rejected(
    answers: NDArray[np.floating], *, concept_ids: Sequence[str], enough: NDArray[np.bool_]
) -> tuple[Ungrounded, ...]:
    """The concepts that could not be fitted, with their counts."""
    n_yes, n_no = (answers >= 0.5).sum(axis=0), (answers < 0.5).sum(axis=0)
    places = np.flatnonzero(~enough)
    return tuple(Ungrounded(concept_ids[int(row)], int(n_yes[row]), int(n_no[row])) for row in places)
