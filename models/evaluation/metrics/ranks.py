"""Images in the order of a score, and sums along it for each weighting, which several metrics share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import blocks

CELLS = 250_000  # replicates x images at once: 2 MB an array, so that a few of them stay near the core
LEAST = 16  # replicates at once, for a product with fewer waits for its other factor


@dataclass(frozen=True, slots=True)
class Ranked:
    """What does not depend on the weighting.

    Attributes:
        order: `(n,)` images by rising score.
        scores: `(n,)` in that order, `float64`.
        starts: `(t + 1,)` rank at which each distinct score begins; then `n`.
        places: `(e,)` ranks of the images where the event occurs.
        before: `(n + 1,)` events among the first 0, 1, ... ranks.
        first: `(q,)` the first event of each distinct score that has one.
        spans: `(2, q)` ranks at which these scores begin and end.
    """

    order: NDArray[np.intp]
    scores: NDArray[np.float64]
    starts: NDArray[np.intp]
    places: NDArray[np.intp]
    before: NDArray[np.intp]
    first: NDArray[np.intp]
    spans: NDArray[np.intp]

    @classmethod
    def of(cls, events: NDArray[np.bool_], scores: NDArray[np.floating]) -> Self:
        """By `scores (n,)` of images where the event occurs or not, `(n,)`."""
        order = np.argsort(scores, kind="stable")
        ranked = scores[order].astype(np.float64)
        starts = np.append(np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]][: len(ranked)]), len(ranked))
        places = np.flatnonzero(events[order])
        score = np.searchsorted(starts, places, side="right") - 1
        first = np.flatnonzero(np.r_[True, score[1:] != score[:-1]][: len(score)])
        spans = np.stack([starts[score[first]], starts[score[first] + 1]])
        before = np.searchsorted(places, np.arange(len(ranked) + 1))
        return cls(order, ranked, starts, places, before, first, spans)

    @property
    def tied(self) -> bool:
        """Whether two images have the same score."""
        return len(self.starts) <= len(self.order)

    def walk(self, weights: NDArray[np.number]) -> "Walk":
        """Sums along the order for `weights (b, n)`; `uint8` is added up as whole numbers, far faster."""
        ranked = weights.take(self.order, axis=1)
        drawn = ranked.astype(np.float64)
        exact = ranked.astype(np.int32) if weights.dtype == np.uint8 else drawn
        own = exact.take(self.places, axis=1)
        weight, events = cumulated(exact), cumulated(own)
        before = events[:, :-1]
        if self.tied:
            own = np.add.reduceat(own, self.first, axis=1) if len(self.first) else own
            before = before.take(self.first, axis=1)
        return Walk(
            ranked=self,
            drawn=drawn,
            weight=weight,
            events=events,
            own=own.astype(np.float64),
            events_below=before,
            below=weight.take(self.spans[0], axis=1),
        )


@dataclass(frozen=True, slots=True)
class Walk:
    """Sums along an order, for some weightings; `int32` if the weights are whole.

    Attributes:
        ranked: The order.
        drawn: `(b, n) float64` weights by rank.
        weight: `(b, n + 1)` of the first 0, 1, ... ranks.
        events: `(b, e + 1)` weight of the first 0, 1, ... events.
        own: `(b, q) float64` weight of the events with each score that any event has.
        events_below: `(b, q)` weight of the events with smaller scores.
        below: `(b, q)` weight of all images with smaller scores.
    """

    ranked: Ranked
    drawn: NDArray[np.float64]
    weight: NDArray[Any]
    events: NDArray[Any]
    own: NDArray[np.float64]
    events_below: NDArray[Any]
    below: NDArray[Any]

    @property
    def total(self) -> NDArray[np.float64]:
        """`(b,)` weight of all images."""
        return self.weight[:, -1].astype(np.float64)

    @property
    def positive(self) -> NDArray[np.float64]:
        """`(b,)` weight of all events."""
        return self.events[:, -1].astype(np.float64)


def walks(ranked: Ranked, weights: NDArray[np.number]) -> Iterator[tuple[slice, Walk]]:
    """A few rows of `weights (b, n)` at a time."""
    for rows in few(*weights.shape):
        yield rows, ranked.walk(weights[rows])


def few(replicates: int, images: int) -> Iterator[slice]:
    """So many replicates that what is made of them stays near the core."""
    return blocks(replicates, step=max(LEAST, CELLS // max(1, images)))


def cumulated(values: NDArray[Any]) -> NDArray[Any]:
    """Sums over the first 0, 1, ..., n columns, `(b, n + 1)`, in the type of the values."""
    sums = np.zeros((len(values), values.shape[1] + 1), dtype=values.dtype)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums
