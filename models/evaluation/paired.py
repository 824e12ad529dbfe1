"""Tests between two methods on the same images."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import lcm

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.signal import convolve

from models.domains import DomainSplit
from models.evaluation.curves import MEAN, MEASURED, Cell, Curve
from models.evaluation.metrics import METRICS
from models.evaluation.metrics.arrays import decided
from models.evaluation.predictions import Predictions
from models.evaluation.report import BOOTSTRAP, MCNEMAR, PairedTest
from models.evaluation.spread import standard_error, student

DIGITS = 6


def bootstrap_tests(
    cells: Iterable[Cell], found: Mapping[Cell, Curve], *, reference: str, level: float
) -> Iterator[PairedTest]:
    """The reference minus each other method, replicate by replicate."""
    for cell in cells:
        own = found.get(replace(cell, method=reference))
        if cell.method == reference or own is None or cell.metric not in METRICS:
            continue
        values = own.values - found[cell].values
        units = min(own.units, found[cell].units)
        error = standard_error(values, units=units)
        if np.isnan(values[0]) or np.isnan(error):
            continue
        difference, half = float(values[0]), student(units, level=level) * error
        yield PairedTest(
            method=reference,
            reference=cell.method,
            split=cell.split,
            domain=cell.domain,
            metric=cell.metric,
            difference=round(difference, DIGITS),
            low=round(difference - half, DIGITS),
            high=round(difference + half, DIGITS),
            group=cell.group,
            test=BOOTSTRAP,
            p=significant(two_sided(difference, error, units)),
        )


def two_sided(difference: float, error: float, units: int) -> float:
    """P of Student's test; never below what swapping two methods on so many units could show."""
    if difference == 0:
        return 1.0
    found = 0.0 if error == 0 else 2 * float(stats.t.sf(abs(difference) / error, units - 1))
    return max(found, 2.0 ** (1 - min(units, 1000)))


def significant(p: float) -> float:
    """To three significant digits, since a p may be far below the last digit of other numbers."""
    return float(f"{p:.3g}")


def mcnemar_tests(
    split: DomainSplit, predictions: Sequence[Predictions], tests: Sequence[PairedTest]
) -> Iterator[PairedTest]:
    """McNemar's exact test beside each test of the accuracy of a whole domain of a split."""
    by_method = {each.method: each for each in predictions if each.split == split.name}
    parts = dict(zip(MEASURED, (split.in_domain, split.shifted), strict=True))
    for test in tests:
        own = (test.split, test.metric, test.test, test.group) == (split.name, "accuracy", BOOTSTRAP, "")
        if own and test.domain in parts:
            ids = parts[test.domain]
            p = exact_mcnemar(
                hits(split, by_method[test.method], ids),
                hits(split, by_method[test.reference], ids),
                units=split.units(ids),
            )
            yield replace(test, test=MCNEMAR, p=significant(p))


def hits(split: DomainSplit, predictions: Predictions, ids: Sequence[str]) -> NDArray[np.int64]:
    """`(s, n)` 1 where the most probable class is the label."""
    labels = split.targets(ids)
    return np.stack([decided(each) == labels for each in predictions.of(ids)]).astype(np.int64)


def exact_mcnemar(first: NDArray[np.int64], second: NDArray[np.int64], *, units: Sequence[str]) -> float:
    """Two-sided p of McNemar's exact test (Psychometrika 1947), extended to patients and seeds.

    If two methods are alike, exchanging them for one patient changes nothing: the patient's balance (images
    that only the first gets right, less those that only the second does) is as likely with the other sign.
    The distribution of the sum over patients under all exchanges is worked out exactly. With one image a
    patient and one seed this is McNemar's test; with more, a balance is over all images and seeds.

    Args:
        first: `(s, n)` hits of one method.
        second: Of the other; it may have another number of seeds.
        units: `(n,)` patient of each image.
    """
    scale = lcm(len(first), len(second))
    balance = first.sum(axis=0) * (scale // len(first)) - second.sum(axis=0) * (scale // len(second))
    _, number = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    sums = np.bincount(number, weights=balance).astype(np.int64)
    sums = sums[sums != 0]
    sums //= max(1, np.gcd.reduce(sums))
    chances = distribution(np.abs(sums))
    reach = len(chances) // 2
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(sums.sum()))
    return min(1.0, float(chances[far].sum()))


def distribution(sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chances of each sum of `sizes (u,)` with random signs, from minus to plus their total."""
    found = np.ones(1)
    for size, count in sorted(Counter(sizes.tolist()).items()):
        spread = np.zeros(2 * size * count + 1)
        spread[:: 2 * size] = stats.binom.pmf(np.arange(count + 1), count, 0.5)
        found = np.maximum(convolve(found, spread), 0)  # by Fourier transform if long: some bits below 0
    return found


def corrected(tests: Sequence[PairedTest]) -> tuple[PairedTest, ...]:
    """With the family of each, and p corrected within it."""
    families: dict[str, list[int]] = defaultdict(list)
    for place, test in enumerate(tests):
        families[family_of(test)].append(place)
    adjusted = np.ones(len(tests))
    for places in families.values():
        adjusted[places] = holm([tests[place].p for place in places])
    return tuple(
        replace(test, family=family_of(test), p_holm=significant(float(p)))
        for test, p in zip(tests, adjusted, strict=True)
    )


def family_of(test: PairedTest) -> str:
    """Tests that one question asks: of one kind, metric and domain, of all methods, on the mean or on splits.

    Groups have a family of their own.
    """
    where = "groups of all splits" if test.group else "mean" if test.split == MEAN else "all splits"
    return f"{test.test}, {test.metric}, {test.domain}, {where}"


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """Holm's correction (Scandinavian Journal of Statistics 1979), in the order of `p (m,)`."""
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    found = np.empty(len(p))
    found[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return found
