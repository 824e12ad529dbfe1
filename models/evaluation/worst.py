"""The group served worst, and how far groups are apart: extremes of several numbers, with intervals.

The extreme of numbers that are alike is more extreme than they are, by chance. So the bootstrap's own spread
of it says too little, and the interval is put together from those of the numbers: the worst group is at least
as good as the lowest end of any of them, and no better than the lowest of their upper ends, each of these
taken so far out that all hold together (Bonferroni).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations
from operator import or_

import numpy as np
from numpy.typing import NDArray

from models.evaluation.curves import Cell, Curve, combined
from models.evaluation.grouping import Group
from models.evaluation.measured import Measured
from models.evaluation.metrics import divide
from models.evaluation.metrics.groups import spread
from models.evaluation.spread import LEAST_REPLICATES, Ends, Scale, correlation, ends_of
from models.evaluation.weighted import Addends, weighted_sums

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
    """The smallest of several numbers, by the name of the group, which is the same one for every seed."""
    curves = list(groups.values())
    name = min(groups, key=lambda each: groups[each].values[0])
    further = 1 - (1 - level) / len(curves)
    highs = [ends_of(each.values, units=each.units, scale=Scale.SHARE, level=further).high for each in curves]
    return Curve(
        values=np.fmin.reduce([each.values for each in curves]),
        ends=Ends(min(each.ends.low for each in curves), min(highs)),
        sample=groups[name].sample,
        units=groups[name].units,
        by_seed=groups[name].by_seed,
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
    compared = [groups for groups in rates(parts, place) if len(groups) > 1]
    if not compared:
        return None
    pairs = sum(len(each) * (len(each) - 1) for each in compared)
    near = np.concatenate([lower_ends(each, [one.ends for one in each]).ravel() for each in compared])
    level = 1 - (1 - level) / pairs
    far = np.concatenate([lower_ends(each, further(each, level=level)).ravel() for each in compared])
    widest = max((farthest(each) for each in compared), key=lambda each: float(each.values[0]))
    return Curve(
        values=np.fmax.reduce([spread(np.stack([one.values for one in each], axis=1)) for each in compared]),
        ends=Ends(float(np.fmax.reduce(far, initial=0)), float(np.minimum(-np.fmin.reduce(near), 1))),
        sample=reduce(or_, [part.sample for part in parts]),
        units=widest.units,
        by_seed=widest.by_seed,
    )


def farthest(groups: Sequence[Curve]) -> Curve:
    """The largest difference of two of them in the sample."""
    points = np.array([each.values[0] for each in groups])
    apart = points[:, None] - points
    np.fill_diagonal(apart, -np.inf)
    one, other = divmod(int(apart.argmax()), len(groups))
    return combined((groups[one], groups[other]), (1, -1))


def further(groups: Sequence[Curve], *, level: float) -> list[Ends]:
    """Intervals of shares at another level."""
    return [ends_of(each.values, units=each.units, scale=Scale.SHARE, level=level) for each in groups]


def lower_ends(groups: Sequence[Curve], ends: Sequence[Ends]) -> NDArray[np.float64]:
    """Of the difference of every two, the first less the second, `(g, g)`; nan of one and itself.

    As `combined_ends` has it. The upper end is that of the opposite difference with the sign changed.
    """
    points = np.array([each.values[0] for each in groups])
    below = points - [each.low for each in ends]
    above = np.array([each.high for each in ends]) - points
    alike = correlations(np.stack([each.values[1:] for each in groups]))
    squares = below[:, None] ** 2 + above**2 - 2 * alike * below[:, None] * above
    lows = points[:, None] - points - np.sqrt(np.maximum(squares, 0))
    np.fill_diagonal(lows, np.nan)
    return np.asarray(lows)


def correlations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of every two rows in what both have, `(g, g)`; nan where that is too little."""
    known = ~np.isnan(values)
    if known.all():
        return correlation(values)
    found = np.full((len(values), len(values)), np.nan)
    for one, other in combinations(range(len(values)), 2):
        both = known[one] & known[other]
        if both.sum() >= LEAST_REPLICATES:
            found[one, other] = found[other, one] = correlation(values[[one, other]][:, both])[0, 1]
    return found


def rates(parts: Sequence[Measured], place: int) -> list[list[Curve]]:
    """How often images of a class are decided to be a class, for any two of them, of the groups with any."""
    found: dict[tuple[int, int], list[Curve]] = defaultdict(list)
    for part in parts:
        cell, sample = part.cell(part.methods[place], ODDS), part.sample
        for label, shares in decisions(part, place):
            units = len(np.unique(part.draws.number[part.labels == label]))
            for decision, each in enumerate(shares):
                found[label, decision].append(part.curve(each, sample, cell, units=units))
    return [[each for each in found[key] if each.estimable] for key in sorted(found)]


def decisions(part: Measured, place: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """How often images of each class that there are are decided to be each, `(d, s, 1 + b)`.

    Of two classes it is the second alone, since the first has the same differences.
    """
    probabilities = part.probabilities[place]
    classes = np.arange(probabilities.shape[2])
    classes = classes[1:] if len(classes) == 2 else classes
    chosen = probabilities.argmax(axis=2) == classes[:, None, None]
    columns = np.column_stack([*np.concatenate(chosen), np.ones(chosen.shape[2])])
    labels = [int(each) for each in np.unique(part.labels)]
    own = [np.flatnonzero(part.labels == label) for label in labels]
    found = weighted_sums(part.draws, [Addends(rows, columns[rows]) for rows in own])
    for label, sums in zip(labels, found, strict=True):
        shares = divide(sums[:, :-1], np.broadcast_to(sums[:, -1:], (len(sums), sums.shape[1] - 1)))
        yield label, np.ascontiguousarray(shares.T).reshape(len(classes), -1, len(sums))
