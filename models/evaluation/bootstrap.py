"""All metrics of several methods on every replicate of one bootstrap."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.evaluation.intervals import Draws
from models.evaluation.metrics.arrays import Labels, Probabilities, blocks
from models.evaluation.metrics.choice import Choice
from models.evaluation.metrics.groups import Groups
from models.evaluation.metrics.thresholds import HALF
from models.evaluation.metrics.together import Found, Together

Progress: TypeAlias = Callable[[int, int], None]
Replicated: TypeAlias = Mapping[str, NDArray[np.float64]]  # (m, 1 + b) by metric

CELLS = 10_000_000  # replicates x images that a thread has at once: 10 MB
METHODS = 8  # whose orders are kept at once


def bootstrap(
    labels: Labels,
    probabilities: Sequence[Probabilities],
    draws: Draws,
    *,
    metrics: Collection[str] | None = None,
    thresholds: Sequence[float] | None = None,
    groups: Groups | None = None,
    progress: Progress | None = None,
) -> Replicated:
    """Each metric of each method (or seed) on the sample and on every replicate.

    Methods and metrics share the draws, and the metrics of a method share its sorting; each core does some
    of the replicates. Memory does not grow with their number.

    Args:
        labels: `(n,)` class numbers.
        probabilities: `(n, k)` of each of the `m` methods, all on the same images.
        draws: Of those images.
        metrics: Names from `metrics_of(k)`, or from `GROUP_METRICS` where there are groups; all if None.
        thresholds: `(m,)` of `sensitivity`, `specificity` and `net_benefit`; 0.5 if None.
        groups: `(n,)` for `worst_group_accuracy` and `equalised_odds_difference`.
        progress: Told how many replicates of a method are done, of all methods.

    Returns:
        By name `(m, 1 + b)`, the sample first, nan where a metric does not exist.
    """
    choice = Choice.of(probabilities[0].shape[1], metrics, groups=groups)
    found = {name: np.empty((len(probabilities), len(draws.counts))) for name in choice.metrics}
    each_threshold = thresholds or [HALF] * len(probabilities)
    images, total = np.arange(len(labels)), len(draws.counts)
    rows = list(blocks(total, step=max(1, CELLS // max(1, len(labels)))))
    for methods in blocks(len(probabilities), step=METHODS):
        prepared = [
            Together.of(labels, one, choice, threshold=threshold)
            for one, threshold in zip(probabilities[methods], each_threshold[methods], strict=True)
        ]

        def measure(part: slice, prepared: Sequence[Together] = prepared) -> list[Found]:
            weights = draws.drawn(part, images)
            return [each.measure(weights) for each in prepared]

        for part, values in zip(rows, on_all_cores(measure, rows), strict=True):
            for place, each in enumerate(values, start=methods.start):
                for name, value in each.items():
                    found[name][place, part] = value
            if progress is not None:
                progress(methods.start * total + part.stop * len(prepared), len(probabilities) * total)
    return found


def on_all_cores(measure: Callable[[slice], list[Found]], rows: Sequence[slice]) -> Iterator[list[Found]]:
    """In order; each product on one core, since cores that share one wait for each other."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cpu_count()) as threads:
        yield from threads.map(measure, rows)
