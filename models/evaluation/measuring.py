"""Measures every method on the domains of a split, and on groups of their images."""

from collections.abc import Iterator, Sequence

import numpy as np

from models.domains import DomainSplit
from models.evaluation.bootstrap import bootstrap
from models.evaluation.curves import IN_DOMAIN, POOLED, SHIFTED, Cell, Curve, contrasts
from models.evaluation.grouping import Attributes, Group, cells_of, groups_of
from models.evaluation.measured import Measured, Measuring
from models.evaluation.metrics import METRICS, metrics_of
from models.evaluation.operating_points import operating_points
from models.evaluation.predictions import Predictions
from models.evaluation.worst import odds_differences, worst_groups

PRINCIPAL = (*METRICS, "sensitivity", "specificity", "ece", "brier")
GROUPED = ("auroc", "sensitivity", "specificity", "brier")
APART = frozenset({"net_benefit"})  # a number of the threshold alone; its curve says more


def measure_split(
    split: DomainSplit,
    predictions: Sequence[Predictions],
    *,
    attributes: Attributes,
    settings: Measuring,
) -> Iterator[tuple[Cell, Curve]]:
    """Curves of every method on the domains of one split and their groups, then on their gap and average.

    All methods, domains and splits see the same replicates: a patient (an image where no patient is known)
    is drawn equally often wherever it occurs, so that curves can be subtracted and averaged replicate by
    replicate.
    """
    found: dict[Cell, Curve] = {}
    for whole in domains_of(split, predictions, settings=settings):
        own = groups_of(split, whole.ids, attributes)
        if whole.domain == POOLED:
            cells = list(cells_of(split, whole.ids, attributes))
            found.update(measure_extremes(whole, cells, [g for g in own if g.attribute == split.attribute]))
        else:
            found.update(measure_domain(whole, list(own)))
    yield from found.items()
    yield from contrasts(found)


def domains_of(
    split: DomainSplit, predictions: Sequence[Predictions], *, settings: Measuring
) -> Iterator[Measured]:
    """Each domain, and both together where there are two."""
    points = operating_points(split, predictions)
    both = (*split.in_domain, *split.shifted) if split.in_domain and split.shifted else ()
    for domain, ids in ((IN_DOMAIN, split.in_domain), (SHIFTED, split.shifted), (POOLED, both)):
        if ids:
            yield Measured.whole(
                split, domain, ids, predictions=predictions, points=points, settings=settings
            )


def measure_domain(whole: Measured, groups: Sequence[Group]) -> Iterator[tuple[Cell, Curve]]:
    """Every metric of a domain, and of its groups."""
    known = metrics_of(len(whole.split.classes))
    principal = [name for name in PRINCIPAL if name in known]
    yield from measure(whole, principal)
    rest = [name for name in known if name not in PRINCIPAL and name not in APART]
    yield from measure(whole.only(whole.settings.detailed), rest)
    for group in groups:
        yield from measure(
            whole.part(group).only(whole.settings.detailed), [name for name in GROUPED if name in known]
        )
    yield from measure_extremes(whole, groups, groups, with_groups=True)


def measure_extremes(
    whole: Measured, worst: Sequence[Group], compared: Sequence[Group], *, with_groups: bool = False
) -> Iterator[tuple[Cell, Curve]]:
    """The accuracy of the worst group, and how far the odds of some groups are apart."""
    accuracies = {cell: each for group in worst for cell, each in measure(whole.part(group), ["accuracy"])}
    if with_groups:
        yield from accuracies.items()
    yield from worst_groups(accuracies, level=whole.settings.level)
    yield from odds_differences(whole.only(whole.settings.detailed), compared)


def measure(images: Measured, metrics: Sequence[str]) -> Iterator[tuple[Cell, Curve]]:
    """Some metrics of every method, all in one bootstrap; decisions at each seed's own threshold."""
    flat = [one for each in images.probabilities for one in each]
    if not flat or not metrics:
        return
    points = [value for name in images.methods if images.points for value in images.points[name].values]
    found = bootstrap(images.labels, flat, images.draws, metrics=metrics, thresholds=points or None)
    sample, ends = images.sample, np.cumsum([len(each) for each in images.probabilities])[:-1]
    for metric, values in found.items():
        for method, own in zip(images.methods, np.split(values, ends), strict=True):
            cell = images.cell(method, metric)
            yield cell, images.curve(own, sample, cell)
