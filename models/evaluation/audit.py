"""The audit: every method on every split and domain, with intervals, paired tests, curves and checks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.domains import DomainSplit
from models.errors import ModelsError
from models.evaluation.calibration_curves import decision_curves, reliability_curves
from models.evaluation.curves import DOMAINS, MEAN, MEASURED, Cell, Curve, mean_over
from models.evaluation.grouping import Attributes, small_group_notes
from models.evaluation.intervals import interval
from models.evaluation.measured import Measuring
from models.evaluation.measuring import domains_of, measure_split
from models.evaluation.metrics import ALL_METRICS, METRICS
from models.evaluation.operating_points import operating_points, threshold_rows
from models.evaluation.paired import bootstrap_tests, corrected, mcnemar_tests
from models.evaluation.predictions import Predictions, read_predictions, write_predictions
from models.evaluation.report import AuditReport, AuditRow, DecisionCurve, PairedTest, ReliabilityCurve
from models.evaluation.worst import ODDS, WORST

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

LEAST = 2  # patients (or images) that have a spread
DIGITS = 6  # the last bits of a sum differ from machine to machine
REPORTED = (*ALL_METRICS, WORST, ODDS)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How the audit is done.

    Attributes:
        replicates: Of each bootstrap.
        level: Of the intervals.
        seed: Of the bootstrap.
        reference: The method that is compared with every other on the same images.
        detailed: Methods with every metric, several metrics of groups, and curves.
    """

    replicates: int = 1000
    level: float = 0.95
    seed: int = 0
    reference: str = "knobo"
    detailed: tuple[str, ...] = ("knobo", "linear_probe", "prior_only")

    @property
    def measuring(self) -> Measuring:
        """What measurements need of it."""
        return Measuring(self.replicates, self.seed, self.level, self.detailed)


@dataclass(slots=True)
class Findings:
    """What has been found so far, split by split."""

    curves: dict[Cell, Curve] = field(default_factory=dict)
    reliability: list[ReliabilityCurve] = field(default_factory=list)
    decisions: list[DecisionCurve] = field(default_factory=list)

    def add(
        self,
        split: DomainSplit,
        predictions: Sequence[Predictions],
        *,
        attributes: Attributes,
        settings: Measuring,
    ) -> None:
        """All of one split."""
        self.curves.update(measure_split(split, predictions, attributes=attributes, settings=settings))
        detailed = [each for each in predictions if each.method in settings.detailed]
        for whole in domains_of(split, detailed, settings=settings):
            if whole.domain in MEASURED:
                self.reliability += reliability_curves(whole)
                self.decisions += decision_curves(whole)


def audit(
    predictions: Sequence[Predictions],
    splits: Sequence[DomainSplit],
    *,
    attributes: Attributes | None = None,
    mean: Collection[str] | None = None,
    notes: Iterable[str] = (),
    settings: AuditSettings | None = None,
    progress: Progress | None = None,
) -> AuditReport:
    """Measures all methods on `in_domain` and `shifted` of all splits, and on groups of their images.

    Point values are those of the whole sample; intervals rest on a bootstrap over patients (images where no
    patient is known), seeds averaged inside each replicate, and on what seeds add (`docs/statistics.md`). All
    splits are resampled jointly: a patient is drawn equally often in each split that it is in, so that the
    intervals of the mean do not take splits with common patients for independent ones. A metric that does not
    exist on a domain (one class only) has no row and a note instead.

    Args:
        predictions: Of every method and split.
        splits: In the order of the report.
        attributes: What is known of the images, by id, that groups are made of; no patient ids.
        mean: Names of the splits that enter the `mean` rows; all if None. Those without a shifted domain are
            left out, unless only such are named.
        notes: To hand on to the reader.
        settings: Of the bootstrap.
        progress: Told how many splits are done.

    Raises:
        ModelsError: Predictions are missing, or a split is named that does not exist.
    """
    settings, known = settings or AuditSettings(), attributes or {}
    entering, findings = choose_mean(splits, mean), Findings()
    for done, split in enumerate(splits, start=1):
        own = [each for each in predictions if each.split == split.name]
        findings.add(split, own, attributes=known, settings=settings.measuring)
        if progress is not None:
            progress(done, len(splits))
    found = findings.curves
    found |= dict(mean_over(entering, found))
    cells = sorted(found, key=Order.of(predictions, splits).key)
    return AuditReport(
        rows=tuple(make_rows(cells, found)),
        paired=make_paired(cells, found, predictions, splits, settings=settings),
        checks=tuple((each.name, c.name, c.passed, c.message) for each in splits for c in each.checks),
        notes=(
            *notes,
            *mean_notes(entering, mean),
            *seed_notes(predictions),
            *missing_notes(cells, found),
            *(note for split in splits for note in group_notes(split, known)),
        ),
        reliability=tuple(findings.reliability),
        decisions=tuple(findings.decisions),
        thresholds=tuple(
            row
            for split in splits
            for row in threshold_rows(
                split, operating_points(split, [each for each in predictions if each.split == split.name])
            )
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

    def key(self, cell: Cell) -> tuple[int, int, bool, int, int, str]:
        """Sort key: whole domains before groups."""
        return (
            self.methods.index(cell.method),
            self.splits.index(cell.split),
            bool(cell.group),
            DOMAINS.index(cell.domain),
            REPORTED.index(cell.metric),
            cell.group,
        )


def make_rows(cells: Iterable[Cell], found: Mapping[Cell, Curve]) -> Iterator[AuditRow]:
    """One row a cell whose metric exists."""
    for cell in cells:
        curve = found[cell]
        if curve.estimable:
            yield AuditRow(
                method=cell.method,
                split=cell.split,
                domain=cell.domain,
                metric=cell.metric,
                value=round(float(curve.values[0]), DIGITS),
                low=round(curve.ends.low, DIGITS),
                high=round(curve.ends.high, DIGITS),
                n=curve.n,
                seeds=curve.seeds,
                group=cell.group or curve.about,
                seed_sd=round(curve.seed_sd, DIGITS),
            )


def make_paired(
    cells: Sequence[Cell],
    found: Mapping[Cell, Curve],
    predictions: Sequence[Predictions],
    splits: Sequence[DomainSplit],
    *,
    settings: AuditSettings,
) -> tuple[PairedTest, ...]:
    """The reference against each other method, McNemar's tests last, all corrected in their families."""
    tests = list(bootstrap_tests(cells, found, reference=settings.reference, level=settings.level))
    exact = [test for split in splits for test in mcnemar_tests(split, predictions, tests)]
    return corrected([*tests, *exact])


def summarise(values: NDArray[np.float64], *, level: float) -> tuple[float, float, float]:
    """Value, and the ends of the percentile interval, rounded; for many numbers of which none is headline."""
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
        told = place in said or cell.split == MEAN or cell.domain not in MEASURED or cell.group
        if told or cell.metric not in METRICS or (curve.estimable and not curve.left_out):
            continue
        said.add(place)
        if curve.estimable:
            yield (
                f"{cell.metric} on {cell.split}, {cell.domain}: {curve.left_out} of {len(curve.values) - 1} "
                "bootstrap replicates drew no image of some class and are left out."
            )
        else:
            yield f"{cell.metric} on {cell.split}, {cell.domain} is not estimable: {cause(curve)}."


def cause(curve: Curve) -> str:
    """Why a number has no value or no interval."""
    if np.isnan(curve.values[0]):
        return "a class is missing"
    if len(curve.sample.units) < LEAST:
        images = "its only image is" if curve.n == 1 else f"all its {curve.n} images are"
        return f"{images} of a single patient, which has no spread"
    return "fewer than two bootstrap replicates have a value"


def group_notes(split: DomainSplit, attributes: Attributes) -> Iterator[str]:
    """A sentence for each attribute that does not make groups of all reported images."""
    return small_group_notes(split, (*split.in_domain, *split.shifted), attributes)
