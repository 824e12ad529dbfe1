"""Some images of a split with what all methods say of them, as every measurement reads them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.domains import DomainSplit
from models.evaluation.curves import Cell, Curve, Sample, curve_of
from models.evaluation.grouping import Group
from models.evaluation.intervals import Draws, shared_draws
from models.evaluation.operating_points import OperatingPoint
from models.evaluation.predictions import Predictions
from models.evaluation.tails import added_to_auroc, added_to_brier, freedom

EVERY_IMAGE = frozenset({"accuracy", "ece", "brier", "brier_reliability", "net_benefit", "observed"})
ADDED = MappingProxyType({"auroc": added_to_auroc, "brier": added_to_brier})


@dataclass(frozen=True, slots=True)
class Measuring:
    """How it is measured.

    Attributes:
        replicates, seed, level: Of the bootstrap and its intervals.
        detailed: Methods with every metric, with several metrics of groups, and with curves; others have the
            principal metrics, and the accuracy of groups.
    """

    replicates: int = 1000
    seed: int = 0
    level: float = 0.95
    detailed: Collection[str] = ("knobo", "linear_probe", "prior_only")


@dataclass(frozen=True, slots=True)
class Units:
    """How many patients (or images) there are: counted once, since every metric of every method asks.

    Attributes:
        everybody: With an image.
        of_class: With an image of a class, by label; only classes that have one.
    """

    everybody: int
    of_class: Mapping[int, int]

    @classmethod
    def counted(cls, labels: NDArray[np.int64], number: NDArray[np.intp]) -> Self:
        """Of images with `labels (n,)` and units `number (n,)`."""
        classes = np.unique(labels)
        return cls(
            everybody=len(np.unique(number)),
            of_class={int(each): len(np.unique(number[labels == each])) for each in classes},
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """Images of a domain, or of a group in it.

    Attributes:
        split: The split.
        domain: Of the images.
        group: Name of the group; empty for a whole domain.
        ids: `(n,)` the images.
        labels: `(n,)`.
        draws: Of the images.
        held: Their patients.
        methods: `(m,)` names.
        probabilities: `(s, n, k)` of each method.
        points: Thresholds by method.
        settings: How it is measured.
    """

    split: DomainSplit
    domain: str
    group: str
    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    draws: Draws
    held: Units
    methods: tuple[str, ...]
    probabilities: tuple[NDArray[np.float64], ...]
    points: Mapping[str, OperatingPoint]
    settings: Measuring

    @classmethod
    def whole(
        cls,
        split: DomainSplit,
        domain: str,
        ids: Sequence[str],
        *,
        predictions: Sequence[Predictions],
        points: Mapping[str, OperatingPoint],
        settings: Measuring,
    ) -> Self:
        """All images of a domain, with draws that a patient has in common with other domains and splits."""
        labels = split.targets(ids)
        draws = shared_draws(split.units(ids), replicates=settings.replicates, seed=settings.seed)
        return cls(
            split=split,
            domain=domain,
            group="",
            ids=tuple(ids),
            labels=labels,
            draws=draws,
            held=Units.counted(labels, draws.number),
            methods=tuple(each.method for each in predictions),
            probabilities=tuple(each.of(ids) for each in predictions),
            points=points,
            settings=settings,
        )

    def part(self, group: Group) -> Self:
        """The images of a group, with the draws that they have here."""
        wanted = set(group.ids)
        rows = np.array([row for row, image in enumerate(self.ids) if image in wanted], dtype=np.intp)
        return replace(
            self,
            group=group.name,
            ids=tuple(self.ids[row] for row in rows),
            labels=self.labels[rows],
            draws=Draws(self.draws.number[rows], self.draws.counts),
            held=Units.counted(self.labels[rows], self.draws.number[rows]),
            probabilities=tuple(each[:, rows] for each in self.probabilities),
        )

    def only(self, methods: Collection[str]) -> Self:
        """The same images, some methods."""
        kept = [place for place, name in enumerate(self.methods) if name in methods]
        return replace(
            self,
            methods=tuple(self.methods[place] for place in kept),
            probabilities=tuple(self.probabilities[place] for place in kept),
        )

    @property
    def sample(self) -> Sample:
        """The images and their units."""
        return Sample(frozenset(self.ids), frozenset(self.split.units(self.ids)))

    def cell(self, method: str, metric: str) -> Cell:
        """Of a number measured here."""
        return Cell(method, self.split.name, self.domain, metric, self.group)

    def curve(
        self, by_seed: NDArray[np.float64], sample: Sample, cell: Cell, *, units: int | None = None
    ) -> Curve:
        """Of a metric of each seed `(s, 1 + b)` measured here, on so many units; if None, on the metric's."""
        return curve_of(
            by_seed,
            sample,
            units=self.units(cell.metric) if units is None else units,
            metric=cell.metric,
            level=self.settings.level,
            seed=self.settings.seed,
            freedom=self.freedom(cell),
        )

    def freedom(self, cell: Cell) -> float:
        """Degrees of freedom that a number's patients leave it, where few of them make it."""
        added = ADDED.get(cell.metric)
        if added is None:
            return np.inf
        probabilities = self.probabilities[self.methods.index(cell.method)]
        return freedom(added(self.labels, probabilities), self.draws.number)

    def units(self, metric: str) -> int:
        """Patients (or images) that a metric rests on: all, or those of the class that it is of.

        Of a metric that needs every class as many as if each had those of the rarest.
        """
        if metric in EVERY_IMAGE:
            return self.held.everybody
        number = {"sensitivity": 1, "specificity": 0}.get(metric)
        of_class = self.held.of_class
        sizes = list(of_class.values()) if number is None else [of_class.get(number, 0)]
        return min(self.held.everybody, len(sizes) * min(sizes, default=0))
