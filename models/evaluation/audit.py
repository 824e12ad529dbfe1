"""The audit: every method on every split and domain, with intervals, paired differences and checks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.domains import DomainSplit
from models.errors import ModelsError
from models.evaluation.curves import DOMAINS, MEAN, MEASURED, Cell, Curve, mean_over, measure_split
from models.evaluation.intervals import interval
from models.evaluation.metrics import METRICS
from models.evaluation.predictions import Predictions, read_predictions, write_predictions
from models.evaluation.report import AuditReport, AuditRow, PairedTest

__all__ = [
    "AuditReport",
    "AuditRow",
    "AuditSettings",
    "PairedTest",
    "Predictions",
    "audit",
    "read_predictions",
    "write_predictions",
]

DIGITS = 6  # the last bits of a sum differ from machine to machine

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How the audit is done.

    Attributes:
        replicates: Of each bootstrap.
        level: Of the intervals.
        seed: Of the bootstrap.
        reference: The method that is compared with every other on the same images.
    """

    replicates: int = 1000
    level: float = 0.95
    seed: int = 0
    reference: str = "knobo"


def audit(
    predictions: Sequence[Predictions],
    splits: Sequence[DomainSplit],
    *,
    mean: Collection[str] | None = None,
    notes: Iterable[str] = (),
    settings: AuditSettings | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Measures all methods on `in_domain` and `shifted` of all splits.

    Point values are those of the whole sample; intervals are percentiles of a bootstrap over patients (images
    where no patient is known), seeds averaged inside each replicate. All splits are resampled jointly: a
    patient is drawn equally often in each split that it is in, so that the intervals of the mean do not take
    splits with common patients for independent ones. A metric that does not exist on a domain (one class
    only) has no row and a note instead.

    Args:
        predictions: Of every method and split.
        splits: In the order of the report.
        mean: Names of the splits that enter the `mean` rows; all if None. Those without a shifted domain are
            left out, unless only such are named.
        notes: To hand on to the reader.
        settings: Of the bootstrap.
        progress: Told how many splits are done.

    Raises:
        ModelsError: Predictions are missing, or a split is named that does not exist.
    """
    settings = settings or AuditSettings()
    entering = choose_mean(splits, mean)
    found: dict[Cell, Curve] = {}
    for done, split in enumerate(splits, start=1):
        own = [each for each in predictions if each.split == split.name]
        found.update(measure_split(split, own, replicates=settings.replicates, seed=settings.seed))
        if progress is not None:
            progress(done, len(splits))
    found |= dict(mean_over(entering, found))
    cells = sorted(found, key=Order.of(predictions, splits).key)
    return AuditReport(
        rows=tuple(make_rows(cells, found, level=settings.level)),
        paired=tuple(make_paired(cells, found, settings=settings)),
        checks=tuple((each.name, c.name, c.passed, c.message) for each in splits for c in each.checks),
        notes=(
            *notes,
            *mean_notes(entering, mean),
            *seed_notes(predictions),
            *missing_notes(cells, found),
        ),
    )


def choose_mean(splits: Sequence[DomainSplit], mean: Collection[str] | None) -> tuple[str, ...]:
    """Names of the splits that enter the mean, in the order of the report.

    A mean of what was measured on all of them would have no shifted domain if one of them had none.
    """
    names = [split.name for split in splits]
    unknown = sorted(set(mean or ()) - set(names))
    if unknown:
        raise ModelsError(f"the mean names {unknown[0]!r}, which is no split; choose from {', '.join(names)}")
    moved = tuple(split.name for split in splits if split.shifted and (mean is None or split.name in mean))
    return moved or tuple(name for name in names if name in (mean or ()))


@dataclass(frozen=True, slots=True)
class Order:
    """The order of the report: methods and splits as they came."""

    methods: tuple[str, ...]
    splits: tuple[str, ...]

    @classmethod
    def of(cls, predictions: Sequence[Predictions], splits: Sequence[DomainSplit]) -> Self:
        """Each name once, the mean behind the splits."""
        methods = tuple(dict.fromkeys(each.method for each in predictions))
        return cls(methods, (*(split.name for split in splits), MEAN))

    def key(self, cell: Cell) -> tuple[int, int, int, int]:
        """Sort key."""
        return (
            self.methods.index(cell.method),
            self.splits.index(cell.split),
            DOMAINS.index(cell.domain),
            list(METRICS).index(cell.metric),
        )


def make_rows(cells: Iterable[Cell], found: Mapping[Cell, Curve], *, level: float) -> Iterator[AuditRow]:
    """One row a cell whose metric exists."""
    for cell in cells:
        curve = found[cell]
        if curve.estimable:
            value, low, high = summarise(curve.values, level=level)
            yield AuditRow(
                method=cell.method,
                split=cell.split,
                domain=cell.domain,
                metric=cell.metric,
                value=value,
                low=low,
                high=high,
                n=curve.n,
                seeds=curve.seeds,
            )


def make_paired(
    cells: Iterable[Cell], found: Mapping[Cell, Curve], *, settings: AuditSettings
) -> Iterator[PairedTest]:
    """The reference minus each other method, replicate by replicate."""
    for cell in cells:
        own = found.get(replace(cell, method=settings.reference))
        if cell.method == settings.reference or own is None:
            continue
        difference = own.values - found[cell].values
        if not np.isnan(difference[0]) and not np.isnan(difference[1:]).all():
            value, low, high = summarise(difference, level=settings.level)
            yield PairedTest(
                method=settings.reference,
                reference=cell.method,
                split=cell.split,
                domain=cell.domain,
                metric=cell.metric,
                difference=value,
                low=low,
                high=high,
            )


def summarise(values: NDArray[np.float64], *, level: float) -> tuple[float, float, float]:
    """Value, low and high, rounded."""
    found = interval(values[1:], level=level)
    return round(float(values[0]), DIGITS), round(found.low, DIGITS), round(found.high, DIGITS)


def mean_notes(entering: Collection[str], mean: Collection[str] | None) -> Iterator[str]:
    """A sentence for each split that was named for the mean and does not enter it."""
    for name in dict.fromkeys(mean or ()):
        if name not in entering:
            yield f"{name} has no shifted domain and does not enter the mean."


def seed_notes(predictions: Sequence[Predictions]) -> Iterator[str]:
    """A sentence for each method with fewer seeds than another."""
    seeds = {each.method: len(each.seeds) for each in predictions}
    most = max(seeds.values(), default=0)
    for method, count in seeds.items():
        if count < most:
            yield f"{method} ran with {count} seed{'s' * (count != 1)}, others with {most}."


def missing_notes(cells: Iterable[Cell], found: Mapping[Cell, Curve]) -> Iterator[str]:
    """A sentence for each domain and metric that could not be measured, or not in every replicate."""
    said: set[tuple[str, str, str]] = set()
    for cell in cells:
        place, curve = (cell.split, cell.domain, cell.metric), found[cell]
        left_out = int(np.isnan(curve.values[1:]).sum())
        if place in said or cell.split == MEAN or cell.domain not in MEASURED or not left_out:
            continue
        said.add(place)
        if curve.estimable:
            yield (
                f"{cell.metric} on {cell.split}, {cell.domain}: {left_out} of {len(curve.values) - 1} "
                "bootstrap replicates drew no image of some class and are left out."
            )
        else:
            yield f"{cell.metric} on {cell.split}, {cell.domain} is not estimable: a class is missing."
