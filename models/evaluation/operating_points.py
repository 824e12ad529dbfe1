"""The threshold of each method: chosen on validation images, and frozen before any number is reported."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domains import DomainSplit
from models.evaluation.predictions import Predictions
from models.evaluation.report import Threshold

DEFAULT = 0.5
VALIDATION, FIXED = "validation", "default"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """From which probability of the second class on a method says that class.

    Attributes:
        values: `(s,)`, one a seed, since each is a model of its own.
        source: `validation` or `default`.
    """

    values: tuple[float, ...]
    source: str


def operating_points(split: DomainSplit, predictions: Sequence[Predictions]) -> Mapping[str, OperatingPoint]:
    """By method; none unless there are two classes."""
    if len(split.classes) != 2:
        return {}
    return {each.method: operating_point(split, each) for each in predictions}


def operating_point(split: DomainSplit, predictions: Predictions) -> OperatingPoint:
    """Largest Youden index on validation images; 0.5 where these are unknown or of one class."""
    known = set(predictions.ids)
    ids = [image for image in split.validation if image in known]
    positive = split.targets(ids) == 1
    if len(ids) < len(split.validation) or not positive.any() or positive.all():
        return OperatingPoint((DEFAULT,) * len(predictions.seeds), FIXED)
    scores = predictions.of(ids)[:, :, 1]
    return OperatingPoint(tuple(youden_threshold(positive, each) for each in scores), VALIDATION)


def youden_threshold(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """The threshold with the largest sensitivity plus specificity (Youden, Cancer 1950).

    It lies midway between two scores, so that rounding moves no image across it; of equally good ones it is
    the one nearest to 0.5.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, flags = scores[order].astype(np.float64), positive[order]
    ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    gained = np.cumsum(flags / flags.sum() - ~flags / (~flags).sum())[ends]
    edges = (ranked[ends] + np.append(ranked[ends[1:]], 0.0)) / 2
    best = gained >= gained.max() - 1e-12
    return float(min(edges[best], key=lambda edge: abs(edge - DEFAULT)))


def threshold_rows(split: DomainSplit, points: Mapping[str, OperatingPoint]) -> Iterator[Threshold]:
    """As the report keeps them."""
    for method, point in points.items():
        yield Threshold(method, split.name, round(float(np.mean(point.values)), 6), point.source)
