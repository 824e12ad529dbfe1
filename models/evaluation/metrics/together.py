"""The metrics of one method on the same weightings, with all that they have in common done once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.evaluation.metrics.arrays import Labels, Probabilities, Values
from models.evaluation.metrics.bins import confidence, into_bins, mean_distance
from models.evaluation.metrics.brier import events_of, reliability_of, uncertainty_of
from models.evaluation.metrics.choice import BY_CLASS, BY_REGRESSION, IN_BINS, Choice
from models.evaluation.metrics.ranking import along, area_under_roc, average_precision
from models.evaluation.metrics.ranks import Ranked, Walk, few, walks
from models.evaluation.metrics.recalibration import Problems, Recalibration, joined
from models.evaluation.metrics.sums import Sums

Found = dict[str, Values]


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What does not depend on the weighting.

    Attributes:
        choice: Of metrics.
        sums: Of those that are sums.
        columns: `(n, c)` of all of them, each distinct one once.
        places: Where the columns of each are.
        ranked: Class 1 of two, else each class, by its probability; none where no metric asks for it.
        confident: Of more than two classes: whether the most probable one is right, by its probability.
        recalibration: Of class 1, where it is asked for.
    """

    choice: Choice
    sums: Mapping[str, Sums]
    columns: NDArray[np.float64]
    places: tuple[NDArray[np.intp], ...]
    ranked: tuple[Ranked, ...]
    confident: Ranked | None
    recalibration: Recalibration | None

    @classmethod
    def of(cls, labels: Labels, probabilities: Probabilities, choice: Choice, *, threshold: float) -> Self:
        """Of one method with `probabilities (n, k)`."""
        sums = dict(choice.sums(labels, probabilities, threshold=threshold))
        columns, places = once([each.columns for each in sums.values()], images=len(labels))
        two = probabilities.shape[1] == 2
        ranked: tuple[Ranked, ...] = ()
        if choice.any_of(BY_CLASS) or (two and choice.any_of(["ece"])):
            ranked = tuple(Ranked.of(event, value) for event, value in events_of(labels, probabilities))
        several = choice.any_of(["ece"]) and not two
        return cls(
            choice=choice,
            sums=sums,
            columns=columns,
            places=places,
            ranked=ranked,
            confident=Ranked.of(*confidence(labels, probabilities)) if several else None,
            recalibration=Recalibration.of(ranked[0]) if choice.any_of(BY_REGRESSION) else None,
        )

    def measure(self, weights: NDArray[np.number]) -> Found:
        """Each metric asked for under `weights (b, n)`, `(b,)`."""
        found = self.added_up(weights)
        classes = [self.along(each, weights) for each in self.ranked]
        for name in classes[0] if classes else ():
            combine = np.mean if name in {"auroc", "auprc"} else np.sum
            found[name] = np.asarray(combine([each[name] for each in classes], axis=0))
        if self.confident is not None:
            found["ece"] = along(self.confident, weights, confidence_error)
        if self.choice.any_of(["brier_resolution"]):
            parts = found["brier_reliability"] + found["brier_uncertainty"]
            found["brier_resolution"] = parts - found["brier"]
        return {name: found[name] for name in self.choice.metrics}

    def added_up(self, weights: NDArray[np.number]) -> Found:
        """Metrics that are sums."""
        totals = np.empty((len(weights), self.columns.shape[1]))
        for rows in few(*weights.shape):
            totals[rows] = weights[rows].astype(np.float64) @ self.columns
        own = [totals[:, place] for place in self.places]
        return {name: each.value(part) for (name, each), part in zip(self.sums.items(), own, strict=True)}

    def along(self, ranked: Ranked, weights: NDArray[np.number]) -> Found:
        """Metrics of one order, and the regression on it."""
        values: dict[str, list[Values]] = {}
        problems: list[Problems] = []
        for _, walk in walks(ranked, weights):
            for name, value in self.of_walk(walk):
                values.setdefault(name, []).append(value)
            if self.recalibration is not None:
                problems.append(self.recalibration.problems(walk))
        found = {name: np.concatenate(each) for name, each in values.items()}
        if self.recalibration is not None:
            whole = joined(problems)
            found["calibration_slope"] = self.recalibration.slopes(whole, ranked, weights)
            found["calibration_intercept"] = self.recalibration.intercepts(whole)
        return found

    def of_walk(self, walk: Walk) -> Iterator[tuple[str, Values]]:
        """Metrics of some weightings."""
        if self.choice.any_of(["auroc"]):
            yield "auroc", area_under_roc(walk)
        if self.choice.any_of(["auprc"]):
            yield "auprc", average_precision(walk)
        if self.choice.any_of(IN_BINS):
            bins = into_bins(walk)
            yield "ece", mean_distance(bins)
            yield "brier_reliability", reliability_of(bins)
            yield "brier_uncertainty", uncertainty_of(bins)


def confidence_error(walk: Walk) -> Values:
    """Calibration error of the most probable class, `(b,)`."""
    return mean_distance(into_bins(walk))


def once(
    columns: Sequence[NDArray[np.float64]], *, images: int
) -> tuple[NDArray[np.float64], tuple[NDArray[np.intp], ...]]:
    """The distinct columns `(n, c)` of several arrays `(n, ...)`, and where those of each are."""
    distinct: dict[bytes, int] = {}
    kept: list[NDArray[np.float64]] = []
    places = []
    for each in columns:
        own = []
        for column in each.T:
            place = distinct.setdefault(column.tobytes(), len(distinct))
            if place == len(kept):
                kept.append(column)
            own.append(place)
        places.append(np.array(own, dtype=np.intp))
    return np.stack(kept, axis=1) if kept else np.empty((images, 0)), tuple(places)
