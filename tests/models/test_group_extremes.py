from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, equalized_odds_difference, selection_rate
from sklearn.metrics import accuracy_score

from models.domains import DomainSplit
from models.evaluation.calibration_curves import decision_curves, reliability_curves
from models.evaluation.curves import Curve, combined
from models.evaluation.grouping import Group
from models.evaluation.intervals import Counts, Draws
from models.evaluation.measured import Measured, Measuring
from models.evaluation.measuring import domains_of, measure
from models.evaluation.predictions import Predictions
from models.evaluation.spread import Ends
from models.evaluation.worst import lower_ends, odds_difference, worst_groups

LEVEL = 0.95
SITES = ("a", "b", "c", "no images", "one patient", "one class")


def measured(classes: int, *, images: int = 240, replicates: int = 12, seeds: int = 1) -> Measured:
    """Three images a patient; predictions right about half the time."""
    generator = np.random.default_rng(classes)
    ids, names = tuple(f"{row}" for row in range(images)), tuple("uvw"[:classes])
    labels = generator.integers(0, classes, images)
    labels[200:] = 0
    split = DomainSplit(
        name="s",
        classes=names,
        attribute="site",
        train=(),
        validation=(),
        in_domain=ids,
        shifted=(),
        label={image: names[label] for image, label in zip(ids, labels, strict=True)},
        patient={image: f"p{row // 3}" for row, image in enumerate(ids)},
        checks=(),
    )
    probabilities = generator.dirichlet(np.ones(classes), (seeds, images)) + np.eye(classes)[labels] / 2
    own = Predictions("knobo", "s", tuple(range(seeds)), ids, probabilities / 1.5)
    (whole,) = domains_of(split, [own], settings=Measuring(replicates=replicates))
    return whole


def groups_of(whole: Measured) -> list[Group]:
    """Three sites; none; 3 images of one patient; 40 images of the first class."""
    site = np.array(["abc"[row * 7 % 3 - row % 2] for row in range(len(whole.ids))], dtype=object)
    site[120:123], site[200:] = "one patient", "one class"
    named = [[image for image, own in zip(whole.ids, site, strict=True) if own == name] for name in SITES]
    return [Group("site", f"site={name}", tuple(ids)) for name, ids in zip(SITES, named, strict=True)]


def drawn_again(
    whole: Measured, groups: list[Group], replicate: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, decisions and groups of the images of a replicate that are in one of the groups."""
    group_of = {image: group.name for group in groups for image in group.ids}
    kept = np.array([row for row, image in enumerate(whole.ids) if image in group_of])
    weights = whole.draws.drawn(slice(replicate, replicate + 1), kept)[0]
    again = np.repeat(kept, weights)
    names = np.array([group_of[whole.ids[row]] for row in again])
    return whole.labels[again], whole.probabilities[0][0].argmax(axis=1)[again], names


@pytest.mark.parametrize("classes", [2, 3])
def test_the_audits_equalised_odds_are_those_of_fairlearn(classes: int) -> None:
    whole = measured(classes)
    groups = groups_of(whole)
    curve = odds_difference([whole.part(group) for group in groups], 0, level=LEVEL)
    assert curve is not None
    counted = [group for group in groups if group.name != "site=one patient"]  # which has no interval
    for replicate, value in enumerate(curve.values):
        labels, chosen, names = drawn_again(whole, counted, replicate)
        widest = [
            MetricFrame(
                metrics=selection_rate,
                y_true=labels[labels == label],
                y_pred=(chosen == decision)[labels == label].astype(int),
                sensitive_features=names[labels == label],
            ).difference()
            for label in range(classes)
            for decision in range(classes)
        ]
        assert value == pytest.approx(max(widest), abs=1e-9)
        if classes == 2:
            known = names != "site=one class"  # fairlearn gives a group without a class the rate 0
            expected = equalized_odds_difference(
                labels[known], chosen[known], sensitive_features=names[known]
            )
            first = odds_difference([whole.part(group) for group in groups[:3]], 0, level=LEVEL)
            assert first is not None
            assert first.values[replicate] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_audits_worst_group_is_that_of_fairlearn(classes: int) -> None:
    whole = measured(classes)
    groups = [group for group in groups_of(whole) if group.ids]
    found = {cell: each for group in groups for cell, each in measure(whole.part(group), ["accuracy"])}
    ((_, curve),) = worst_groups(found, level=LEVEL)
    counted = [group for group in groups if group.name != "site=one patient"]
    for replicate, value in enumerate(curve.values):
        labels, chosen, names = drawn_again(whole, counted, replicate)
        frame = MetricFrame(metrics=accuracy_score, y_true=labels, y_pred=chosen, sensitive_features=names)
        assert value == pytest.approx(frame.group_min(), abs=1e-9)
        if not replicate:
            assert curve.about == frame.by_group.idxmin()


def test_the_worst_group_is_the_same_for_all_seeds() -> None:
    whole = measured(2, seeds=4)
    found = {
        cell: each
        for group in groups_of(whole)[:3]
        for cell, each in measure(whole.part(group), ["accuracy"])
    }
    ((_, curve),) = worst_groups(found, level=LEVEL)
    (worst,) = [each for cell, each in found.items() if cell.group == curve.about]
    np.testing.assert_array_equal(curve.by_seed, worst.by_seed)
    assert curve.by_seed.mean() == pytest.approx(curve.values[0], abs=1e-12)
    least = np.min([each.by_seed for each in found.values()], axis=0)
    assert least.mean() < curve.values[0] - 1e-3  # seeds differ in which is the lowest


def test_ends_of_all_differences_at_once_are_those_of_each() -> None:
    whole = measured(2, replicates=50)
    shares = [each for group in groups_of(whole)[:3] for _, each in measure(whole.part(group), ["accuracy"])]
    shares[0].values[[3, 7]], shares[1].values[[7, 9, 20]] = np.nan, np.nan
    lows = lower_ends(shares, [each.ends for each in shares])
    for one, other in combinations(range(3), 2):
        expected: Ends = combined((shares[one], shares[other]), (1, -1)).ends
        assert lows[one, other] == pytest.approx(expected.low, abs=1e-12)
        assert -lows[other, one] == pytest.approx(expected.high, abs=1e-12)
    assert np.isnan(np.diag(lows)).all()


def test_odds_of_many_groups_and_classes_look_at_each_rate_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[None] = []
    original = Curve.__init__
    monkeypatch.setattr(
        Curve, "__init__", lambda self, *values, **named: made.append(original(self, *values, **named))
    )
    whole = measured(3)
    assert odds_difference([whole.part(group) for group in groups_of(whole)], 0, level=LEVEL) is not None
    rates = 3 * (4 * 3 + 1)  # decisions of groups with each class, and those of a group with one alone
    assert len(made) <= rates + 9 + 1  # a difference for each class and decision, and the result


class Recorded:
    """Counts that keep how many replicates were asked for at once."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.most = 0

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, replicates: slice, /) -> np.ndarray:
        found = self.counts[replicates]
        self.most = max(self.most, len(found))
        return found


def test_curves_and_odds_take_some_replicates_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured(2, seeds=2)
    before = (list(reliability_curves(whole)), list(decision_curves(whole)))
    counts = Recorded(whole.draws.counts)
    whole = replace(whole, draws=Draws(whole.draws.number, counts))
    parts = [whole.part(group) for group in groups_of(whole)]
    monkeypatch.setattr("models.evaluation.weighted.BLOCK", 4 * len(whole.ids))
    assert (list(reliability_curves(whole)), list(decision_curves(whole))) == before
    assert odds_difference(parts, 0, level=LEVEL) is not None
    assert 0 < counts.most < len(counts)
