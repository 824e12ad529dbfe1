"""All metrics of several methods on every replicate of one bootstrap."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import Resampling
from models.evaluation.metrics import Labels, Probabilities, blocks, metrics_of

Progress: TypeAlias = Callable[[int, int], None]
Replicated: TypeAlias = Mapping[str, NDArray[np.float64]]  # (m, 1 + b) by metric

CELLS = 2_000_000  # replicates x images at once: 16 MB an array


def bootstrap(
    labels: Labels,
    probabilities: Sequence[Probabilities],
    draws: Resampling,
    *,
    metrics: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Replicated:
    """Each metric of each method (or seed) on the sample and on every replicate.

    Args:
        labels: `(n,)` class numbers.
        probabilities: `(n, k)` of each of the `m` methods, all on the same images.
        draws: Of those images.
        metrics: Names from `metrics_of(k)`; all of them if None.
        progress: Told how many replicates are done.

    Returns:
        By name `(m, 1 + b)`, the sample first, nan where a metric does not exist.
    """
    known = metrics_of(probabilities[0].shape[1])
    chosen = {name: known[name] for name in (known if metrics is None else metrics)}
    found = {name: np.empty((len(probabilities), draws.rows)) for name in chosen}
    images = np.arange(len(labels))
    for block in blocks(draws.rows, step=max(1, CELLS // max(1, len(labels)))):
        weights = draws.weights(block, images)
        for name, metric in chosen.items():
            for place, each in enumerate(probabilities):
                found[name][place, block] = metric(labels, each, weights)
        if progress is not None:
            progress(block.stop, draws.rows)
    return found
