from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from models.acquisition.attributes import Acquisition
from models.bottleneck import KnoBo
from models.concept_audit import Leak
from models.concept_audit.drawn_auroc import placed_aurocs, walked_aurocs
from models.concept_audit.leaks import class_signal, find_leaks
from models.concept_audit.scored_images import ScoredImages
from models.errors import ModelsError
from models.evaluation.audit import AuditSettings
from models.evaluation.intervals import draw_units
from models.scaling import Scaling, ScalingKind

QUICK = AuditSettings(replicates=200)
CONCEPTS = ("shortcut", "finding", "noise", "both")


def make_images(size: int = 600, *, seed: int = 0) -> tuple[ScoredImages, list[str]]:
    """The view goes with the class in two thirds of the images and is reversed in the rest."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size)
    view = np.where(np.arange(size) < 2 * size / 3, labels, 1 - labels)
    scores = rng.normal(size=(size, 4))
    scores[:, 0] += 3 * view
    scores[:, 1] += 3 * labels
    scores[:, 3] += view + labels
    answers = np.full(scores.shape, np.nan)
    units = tuple(f"p{row // 2}" for row in range(size))
    made = ScoredImages("s", CONCEPTS, scores, answers, labels, units)
    return made, [("PA", "AP")[each] for each in view]


def by_concept(images: ScoredImages, view: list[str]) -> dict[str, Leak]:
    found = find_leaks(images, attribute="view", values=view, settings=QUICK)
    return {leak.concept_id: leak for leak in found}


def test_the_leak_is_the_mean_over_classes_of_scikit_learns_auroc_within_each() -> None:
    images, view = make_images()
    found = {
        leak.concept_id: leak for leak in find_leaks(images, attribute="view", values=view, settings=QUICK)
    }
    positive = np.array(view) == "PA"
    for column, concept_id in enumerate(CONCEPTS):
        expected = [
            roc_auc_score(positive[rows], images.scores[rows, column])
            for rows in (images.labels == 0, images.labels == 1)
        ]
        assert found[concept_id].auroc == pytest.approx(np.mean(expected), abs=1e-6)
        assert found[concept_id].value == "PA"
        signal = [
            abs(2 * roc_auc_score(images.labels[rows], images.scores[rows, column]) - 1)
            for rows in (positive, ~positive)
        ]
        assert found[concept_id].signal == pytest.approx(np.mean(signal), abs=1e-6)


def test_the_interval_is_from_the_spread_of_a_plain_loop_over_draws_of_patients() -> None:
    images, view = make_images(120)
    leak = find_leaks(images, attribute="view", values=view, settings=QUICK)[0]
    assert leak.concept_id == "shortcut"
    draws = draw_units(images.units, replicates=200, generator=np.random.default_rng(0))
    positive = np.array(view) == "PA"
    curve = []
    for weights in draws.weights(slice(1, None), np.arange(120)):
        each = [
            roc_auc_score(positive[rows], images.scores[rows, 0], sample_weight=weights[rows])
            for rows in (images.labels == 0, images.labels == 1)
        ]
        curve.append(np.mean(each))
    units = len(set(images.units))
    error = np.std(curve, ddof=1) * np.sqrt(units / (units - 1))
    half = stats.t.ppf(0.975, units - 1) * error / (leak.auroc * (1 - leak.auroc))
    ends = expit(logit(leak.auroc) + half * np.array([-1, 1]))
    assert (leak.low, leak.high) == pytest.approx(tuple(ends), abs=1e-5)


def test_draws_to_first_order_are_those_of_the_walk_but_for_one_over_the_images() -> None:
    images, view = make_images(4000)
    scores = np.round(images.scores, 1)  # with ties
    positive, rows = np.array(view) == "PA", np.flatnonzero(images.labels == 1)
    draws = draw_units(images.units, replicates=100, generator=np.random.default_rng(0))
    walked, placed = (
        curves(positive[rows], scores[rows], draws, rows) for curves in (walked_aurocs, placed_aurocs)
    )
    assert placed[:, 0] == pytest.approx(walked[:, 0], abs=1e-12)
    assert np.abs(placed - walked).max() < 2 / len(rows)
    assert placed.std(axis=1) == pytest.approx(walked.std(axis=1), rel=0.01)


def test_what_tells_the_class_alone_is_no_leak_though_the_attribute_goes_with_the_class() -> None:
    images, view = make_images(900)
    found = find_leaks(images, attribute="view", values=view, settings=QUICK)
    by_name = {leak.concept_id: leak for leak in found}
    marginal = roc_auc_score(np.array(view) == "AP", images.scores[:, 1])
    assert marginal > 0.6
    assert [leak.concept_id for leak in found[:2]] == ["shortcut", "both"]
    assert by_name["shortcut"].leaking
    assert by_name["both"].leaking
    assert not by_name["finding"].leaking
    assert not by_name["noise"].leaking
    assert by_name["noise"].strength == 0


def test_of_two_concepts_that_move_alike_the_one_that_says_less_of_the_class_is_named_first() -> None:
    images, view = make_images()
    scores = images.scores.copy()
    shown = np.array(view) == "AP"
    scores[:, 0] = shown
    scores[:, 1] = 2.0 * shown + images.labels
    found = find_leaks(replace(images, scores=scores), attribute="view", values=view, settings=QUICK)
    assert [(leak.concept_id, leak.auroc) for leak in found[:2]] == [("shortcut", 0.0), ("finding", 0.0)]
    assert found[0].signal == 0
    assert found[1].signal == 1


def test_a_concept_of_which_the_signal_is_not_known_is_named_after_one_that_says_nothing_of_the_class() -> (
    None
):
    known = Leak("s", "b", "view", "AP", 0.9, 0.8, 0.95, 0.0, None, None, None, 40)
    unknown = replace(known, concept_id="a", signal=None)
    assert sorted([unknown, known], key=lambda leak: leak.rank) == [known, unknown]


def test_the_signal_is_the_mean_over_the_values_that_have_images_of_both_classes() -> None:
    images, view = make_images()
    values = [
        "ward" if at == "AP" and label == 1 else at for at, label in zip(view, images.labels, strict=True)
    ]  # of AP and of ward there is one class
    found = {
        (leak.concept_id, leak.value): leak
        for leak in find_leaks(images, attribute="view", values=values, settings=QUICK)
    }
    rows = np.array(values) == "PA"
    expected = abs(2 * roc_auc_score(images.labels[rows], images.scores[rows, 1]) - 1)
    assert found["finding", "PA"].signal == pytest.approx(expected, abs=1e-6)
    one = class_signal(
        images.scores[:, 1],
        images.labels,
        Acquisition.of("class", [str(label) for label in images.labels], minimum=10),
    )
    assert np.isnan(one)


def test_the_push_is_what_the_value_adds_to_the_mean_logit() -> None:
    images, view = make_images()
    rng = np.random.default_rng(1)
    scaling = Scaling.fit(ScalingKind.STANDARD, images.scores)
    heads = [
        KnoBo(
            ("a", "b"),
            CONCEPTS,
            rng.normal(size=(2, 4)).astype(np.float32),
            np.zeros((2, 4), np.float32),
            scaling,
        )
        for _ in range(3)
    ]
    found = find_leaks(images, attribute="view", values=view, heads=heads, settings=QUICK)
    positive = np.array(view) == "PA"
    moved = []
    for head in heads:
        logits = head.logits(images.scores)
        margin = logits[:, 1] - logits[:, 0]
        for label in (0, 1):
            rows = images.labels == label
            moved.append(margin[rows & positive].mean() - margin[rows & ~positive].mean())
    assert sum(leak.push or 0 for leak in found) == pytest.approx(np.mean(moved), abs=1e-5)
    assert {leak.push_class for leak in found} == {"b"}


def test_a_finding_that_is_more_frequent_under_one_value_is_told_from_a_detector_of_the_value() -> None:
    rng = np.random.default_rng(2)
    images, view = make_images(4000)
    shown = np.array(view) == "PA"
    answers = rng.random((4000, 4)) < np.where(shown, 0.7, 0.3)[:, None]
    scores = answers + 0.3 * rng.normal(size=(4000, 4))
    scores[:, 0] += shown
    told = replace(images, scores=scores, answers=answers.astype(float))
    found = {
        leak.concept_id: leak for leak in find_leaks(told, attribute="view", values=view, settings=QUICK)
    }
    honest, leaky = found["finding"], found["shortcut"]
    assert honest.leaking
    assert honest.answer_auroc == pytest.approx(0.7, abs=0.03)
    assert honest.given_answer == pytest.approx(0.5, abs=0.03)
    assert leaky.given_answer is not None
    assert leaky.given_answer > 0.95


def test_an_attribute_with_three_values_has_a_row_each_and_unknown_values_are_left_out() -> None:
    images, view = make_images()
    values: list[str | None] = [("x", "y", "z", None)[row % 4] for row in range(600)]
    found = find_leaks(images, attribute="room", values=values, settings=QUICK)
    assert {leak.value for leak in found} == {"x", "y", "z"}
    assert {leak.n for leak in found} == {450}
    with pytest.raises(ModelsError, match="view"):
        find_leaks(images, attribute="view", values=[view[0]] * 600, settings=QUICK)


def test_a_class_with_too_few_images_of_a_value_does_not_count() -> None:
    images, _ = make_images()
    values = ["rare" if label == 0 else "usual" for label in images.labels]
    for row in np.flatnonzero(images.labels == 1)[:9]:
        values[row] = "rare"
    assert find_leaks(images, attribute="room", values=values, settings=QUICK) == ()
