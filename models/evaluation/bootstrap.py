"""All metrics of several methods on every replicate of one bootstrap."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.cores import usable_cores
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
ALONE = Lock()  # two at once would restore each other's number of threads


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
    done, total = 0, len(probabilities) * len(draws.counts)
    with one_core_each() as threads:
        for methods in blocks(len(probabilities), step=METHODS):
            prepared = [
                Together.of(labels, one, choice, threshold=threshold)
                for one, threshold in zip(probabilities[methods], each_threshold[methods], strict=True)
            ]
            for part, values in measured(prepared, draws, threads=threads):
                for name, place in found.items():
                    place[methods, part] = [each[name] for each in values]
                done += (part.stop - part.start) * len(prepared)
                if progress is not None:
                    progress(done, total)
    return found


def measured(
    prepared: Sequence[Together], draws: Draws, *, threads: Executor
) -> Iterator[tuple[slice, list[Found]]]:
    """All metrics of some methods, some replicates at a time, in order."""
    images = np.arange(len(draws.number))
    rows = list(blocks(len(draws.counts), step=max(1, CELLS // max(1, len(images)))))

    def measure(part: slice) -> list[Found]:
        weights = draws.drawn(part, images)
        return [each.measure(weights) for each in prepared]

    yield from zip(rows, threads.map(measure, rows), strict=True)


@contextmanager
def one_core_each() -> Iterator[Executor]:
    """As many threads as cores, each product on one, since cores that share one wait for each other."""
    with ALONE, threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(usable_cores()) as threads:
        yield threads
