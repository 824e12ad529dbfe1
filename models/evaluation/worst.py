"""The group served worst, and how far groups are apart: extremes of several numbers, with intervals.

The extreme of numbers that are alike is more extreme than they are, by chance. So the bootstrap's own spread
of it says too little, and the interval is put together from those of the numbers: the worst group is at least
as good as the lowest end of any of them, and no better than the lowest of their upper ends, each of these
taken so far out that all hold together (Bonferroni).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from models.evaluation.curves import Cell, Curve, combined
from models.evaluation.grouping import Group
from models.evaluation.measured import Measured
from models.evaluation.metrics import divide
from models.evaluation.metrics.arrays import decided
from models.evaluation.spread import Ends, Scale, ends_of

WORST, ODDS = "worst_group_accuracy", "equalised_odds_difference"


def worst_groups(accuracies: Mapping[Cell, Curve], *, level: float) -> Iterator[tuple[Cell, Curve]]:
    """Of each method the lowest of the accuracies of its groups, in one domain."""
    by_method: dict[str, dict[str, Curve]] = defaultdict(dict)
    for cell, curve in accuracies.items():
        if curve.estimable:
            by_method[cell.method][cell.group] = curve
    where = {cell.method: cell for cell in accuracies}
    for method, groups in by_method.items():
        if len(groups) > 1:
            cell = where[method]
            yield Cell(method, cell.split, cell.domain, WORST), lowest(groups, level=level)


def lowest(groups: Mapping[str, Curve], *, level: float) -> Curve:
    """The smallest of several numbers, by the name of the group."""
    curves = list(groups.values())
    name = min(groups, key=lambda each: groups[each].values[0])
    further = 1 - (1 - level) / len(curves)
    highs = [ends_of(each.values, units=each.units, scale=Scale.SHARE, level=further).high for each in curves]
    seeds = min(each.seeds for each in curves)
    return Curve(
        values=np.fmin.reduce([each.values for each in curves]),
        ends=Ends(min(each.ends.low for each in curves), min(highs)),
        sample=groups[name].sample,
        units=groups[name].units,
        by_seed=np.min([each.by_seed[:seeds] for each in curves], axis=0),
        about=name,
    )


def odds_differences(whole: Measured, groups: Sequence[Group]) -> Iterator[tuple[Cell, Curve]]:
    """Equalised-odds difference of each method between the groups of each attribute."""
    by_attribute: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        by_attribute[group.attribute].append(group)
    for attribute, own in by_attribute.items():
        parts = [whole.part(group) for group in own]
        for place, method in enumerate(whole.methods):
            curve = odds_difference(parts, place, level=whole.settings.level)
            if curve is not None:
                yield Cell(method, whole.split.name, whole.domain, ODDS, attribute), curve


def odds_difference(parts: Sequence[Measured], place: int, *, level: float) -> Curve | None:
    """Largest difference between two groups in how often a class is decided on images of a class.

    None where no class has images in two groups.
    """
    classes = range(len(parts[0].split.classes))
    pairs = [
        pair
        for label in classes
        for decision in (classes if len(classes) > 2 else (1,))
        for pair in permutations(rates(parts, place, label=label, decision=decision), 2)
    ]
    if not pairs:
        return None
    differences = [combined(pair, (1, -1)) for pair in pairs]
    widest = max(differences, key=lambda each: float(each.values[0]))
    far = 1 - (1 - level) / len(pairs)
    lows = [further(pair, level=far) for pair in pairs]
    sample = parts[0].sample
    for part in parts[1:]:
        sample = sample | part.sample
    return Curve(
        values=np.fmax.reduce([each.values for each in differences]),
        ends=Ends(max(0.0, *lows), min(1.0, max(each.ends.high for each in differences))),
        sample=sample,
        units=widest.units,
        by_seed=widest.by_seed,
    )


def further(pair: Sequence[Curve], *, level: float) -> float:
    """Lower end of a difference at another level."""
    one, other = (
        Curve(
            each.values,
            ends_of(each.values, units=each.units, scale=Scale.SHARE, level=level),
            each.sample,
            each.units,
            each.by_seed,
        )
        for each in pair
    )
    return combined((one, other), (1, -1)).ends.low


def rates(parts: Sequence[Measured], place: int, *, label: int, decision: int) -> list[Curve]:
    """How often each group's images of one class are decided to be another, where it has any."""
    found = []
    for part in parts:
        own = part.labels == label
        if own.any():
            units = len(np.unique(part.draws.number[own]))
            cell, values = part.cell(part.methods[place], ODDS), rate(part, place, own, decision)
            found.append(part.curve(values, part.sample, cell, units=units))
    return [curve for curve in found if curve.estimable]


def rate(part: Measured, place: int, own: NDArray[np.bool_], decision: int) -> NDArray[np.float64]:
    """Of each seed on the sample and every replicate, `(s, 1 + b)`."""
    weights = part.draws.weights(slice(None), np.flatnonzero(own))
    total = weights.sum(axis=1)
    chosen = [decided(each[own]) == decision for each in part.probabilities[place]]
    return np.stack([divide(weights @ each.astype(np.float64), total) for each in chosen])
