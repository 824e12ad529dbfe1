"""Logistic regression of an event on the logit of its probability, for many weightings at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Values
from models.evaluation.metrics.newton import newton
from models.evaluation.metrics.nodes import Nodes
from models.evaluation.metrics.ranks import Ranked, Walk, walks

NEAREST = 1e-9  # of a probability to 0 and 1, beyond which its logit would be infinite


@dataclass(frozen=True, slots=True)
class Problems:
    """What the regressions of some weightings rest on.

    Attributes:
        mass: `(b, j)` of the nodes.
        target: `(b, 2)` weight of the events, and sum of their weight times logit.
        both: `(b,)` whether the event and its absence both occur.
        overlapping: `(b,)` whether some event has a smaller logit than some absence, and some a larger one.
    """

    mass: NDArray[np.float64]
    target: NDArray[np.float64]
    both: NDArray[np.bool_]
    overlapping: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What does not depend on the weighting.

    Attributes:
        logits: `(n,)` by rank.
        nodes: That stand for the images.
        middle, scale: Of the logits, for a regression that is well conditioned.
        start: `(2,)` intercept and slope of the sample, or 0 and 1 where it has none.
    """

    logits: NDArray[np.float64]
    nodes: Nodes
    middle: float
    scale: float
    start: NDArray[np.float64]

    @classmethod
    def of(cls, ranked: Ranked) -> Self:
        """Of images ranked by the probability of the event."""
        plain = cls.exact(ranked)
        (line,) = plain.lines(plain.problems(ranked.walk(np.ones((1, len(plain.logits))))))
        start = plain.start if np.isnan(line).any() else line
        nodes = Nodes.of(plain.logits, slope=max(1.0, abs(float(start[1]))))
        return cls(plain.logits, nodes, plain.middle, plain.scale, start)

    @classmethod
    def exact(cls, ranked: Ranked) -> Self:
        """With a node for every image."""
        logits = logits_of(ranked.scores)
        middle, scale = (float(logits.mean()), float(logits.std())) if len(logits) else (0.0, 1.0)
        return cls(logits, Nodes.images(logits), middle, scale or 1.0, np.array([0.0, 1.0]))

    def problems(self, walk: Walk) -> Problems:
        """Of some weightings."""
        places = walk.ranked.places
        positive, total = walk.positive, walk.total
        sums = walk.drawn.take(places, axis=1) @ self.logits[places]
        return Problems(
            self.nodes.masses(walk.drawn),
            np.stack([positive, sums], axis=1),
            (positive > 0) & (positive < total),
            overlaps(walk, self.logits),
        )

    def lines(self, problems: Problems) -> NDArray[np.float64]:
        """Intercept and slope, `(b, 2)`; nan where none is the most likely.

        The slope is finite if and only if the events overlap (Albert and Anderson, Biometrika 1984).
        """
        some = problems.overlapping
        centred = (self.nodes.points - self.middle) / self.scale
        target = problems.target[some]
        target[:, 1] = (target[:, 1] - self.middle * target[:, 0]) / self.scale
        start = np.array([self.start[0] + self.start[1] * self.middle, self.start[1] * self.scale])
        design = np.stack([np.ones_like(centred), centred], axis=1)
        found = newton(design, np.zeros_like(centred), problems.mass[some], target, start=start)
        found[:, 1] /= self.scale
        found[:, 0] -= found[:, 1] * self.middle
        lines = np.full((len(some), 2), np.nan)
        lines[some] = found
        return lines

    def slopes(self, problems: Problems, ranked: Ranked, weights: NDArray[np.number]) -> Values:
        """`(b,)`; where one is too steep for the nodes, by all images with `weights (b, n)`."""
        found = self.lines(problems)[:, 1]
        steep = np.flatnonzero(np.abs(found) > self.nodes.steepest)
        if len(steep):
            plain = self.exact(ranked)
            parts = [plain.problems(walk) for _, walk in walks(ranked, weights[steep])]
            found[steep] = plain.lines(joined(parts))[:, 1]
        return found

    def intercepts(self, problems: Problems) -> Values:
        """Beside a slope of 1, `(b,)`; nan where the event or its absence does not occur."""
        some, points = problems.both, self.nodes.points
        found = newton(
            np.ones((len(points), 1)),
            points,
            problems.mass[some],
            problems.target[some, :1],
            start=np.zeros(1),
        )
        values = np.full(len(some), np.nan)
        values[some] = found[:, 0]
        return values


def joined(parts: Sequence[Problems]) -> Problems:
    """One after the other."""
    return Problems(
        np.concatenate([part.mass for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.both for part in parts]),
        np.concatenate([part.overlapping for part in parts]),
    )


def logits_of(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds, where a probability of 0 or 1 counts as `NEAREST` to it."""
    inner = np.clip(probabilities, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(inner) - np.log1p(-inner))


def overlaps(walk: Walk, logits: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether events and absences overlap in their logits, `(b,)`."""
    ranked = walk.ranked
    absent = np.ones(len(logits), dtype=np.bool_)
    absent[ranked.places] = False
    others = np.flatnonzero(absent)
    if not len(others) or not len(ranked.places):
        return np.zeros(len(walk.drawn), dtype=np.bool_)
    low, high = extremes(walk, ranked.places, logits)
    lowest, highest = extremes(walk, others, logits)
    weighed = (walk.positive > 0) & (walk.positive < walk.total)
    return np.asarray(weighed & (low < highest) & (lowest < high))


def extremes(walk: Walk, places: NDArray[np.intp], logits: NDArray[np.float64]) -> tuple[Values, Values]:
    """Smallest and largest logit of the images at these ranks that have weight, `(b,)` each."""
    drawn = walk.drawn.take(places, axis=1) > 0
    return logits[places[drawn.argmax(axis=1)]], logits[places[::-1][drawn[:, ::-1].argmax(axis=1)]]
