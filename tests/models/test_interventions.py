from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bottleneck import Contribution, KnoBo
from models.errors import ModelsError
from models.scaling import Scaling, ScalingKind
from models.what_if.interventions import (
    POLICIES,
    AnsweredImages,
    ByContribution,
    CurveSettings,
    Levels,
    Random,
    Uncertainty,
    answers_of_others,
    intervene,
    intervention_curve,
    possible_answers,
)

CONCEPTS = ("round", "dark", "wide")
WEIGHT = np.array([[1, -2, 0.5], [0, 3, -1]], dtype=np.float32)
KINDS = (ScalingKind.NONE, ScalingKind.CENTER, ScalingKind.STANDARD)
QUICK = CurveSettings(replicates=50)


def make_head(kind: ScalingKind = ScalingKind.NONE, *, seed: int = 0, concepts: int = 3) -> KnoBo:
    rng = np.random.default_rng(seed)
    weight = WEIGHT if concepts == 3 else rng.normal(size=(2, concepts)).astype(np.float32)
    names = CONCEPTS if concepts == 3 else tuple(f"c{n}" for n in range(concepts))
    scaling = Scaling.fit(kind, rng.random((40, concepts)))
    return KnoBo(("benign", "malignant"), names, weight, np.sign(weight), scaling)


def make_images(*, n: int = 60, concepts: int = 6, unknown: float = 0.3, seed: int = 1) -> AnsweredImages:
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, 2, (n, concepts)).astype(np.float32)
    answers[rng.random((n, concepts)) < unknown] = np.nan
    return AnsweredImages(
        scores=rng.random((n, concepts), dtype=np.float32),
        answers=answers,
        labels=rng.integers(0, 2, n),
        units=tuple(f"p{row // 2}" for row in range(n)),
    )


def brute_force(
    head: KnoBo, images: AnsweredImages, levels: Levels, priorities: NDArray[np.float64]
) -> list[float]:
    """Sets one score after the other, image by image, and asks the head each time."""
    wanted = levels.values(images.answers)
    longest = int((~np.isnan(wanted)).sum(axis=1).max())
    right = np.zeros((len(images.labels), longest + 1))
    for row, label in enumerate(images.labels):
        scores = images.scores[row].astype(np.float64)
        order = [c for c in np.argsort(-priorities[row], kind="stable") if not np.isnan(wanted[row, c])]
        for step in range(longest + 1):
            right[row, step] = head.predict(scores[None])[0].argmax() == label
            if step < len(order):
                scores[order[step]] = wanted[row, order[step]]
    return right.mean(axis=0).tolist()


def test_setting_concepts_gives_what_the_head_says_of_the_new_scores() -> None:
    head, scores = make_head(), np.array([0.5, 0.2, 0.4])
    found = intervene(head, scores, values={"dark": 1.0, "wide": 0.0})
    np.testing.assert_allclose(found.before, head.predict(scores[None])[0])
    np.testing.assert_allclose(found.after, head.predict(np.array([[0.5, 1.0, 0.0]]))[0])
    assert found.predicted == ("benign", "malignant")
    assert [moved.concept_id for moved in found.moved] == ["dark", "wide"]
    np.testing.assert_allclose(found.moved[0].change, [0.8 * -2, 0.8 * 3])
    np.testing.assert_allclose(found.moved[1].change, [-0.4 * 0.5, -0.4 * -1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_changes_of_the_concepts_add_up_to_the_change_of_the_logits(kind: ScalingKind) -> None:
    head, scores = make_head(kind), np.array([0.5, 0.2, 0.4])
    found = intervene(head, scores, values={"round": 0.9, "dark": 0.1, "wide": 0.7})
    total = np.sum([moved.change for moved in found.moved], axis=0)
    wanted = head.logits(np.array([[0.9, 0.1, 0.7]])) - head.logits(scores[None])
    np.testing.assert_allclose(total, wanted[0])


def test_nothing_set_changes_nothing() -> None:
    found = intervene(make_head(), np.array([0.5, 0.2, 0.4]), values={})
    assert found.before == found.after
    assert found.moved == ()


def test_an_unknown_concept_and_an_impossible_score_are_refused() -> None:
    head, scores = make_head(), np.array([0.5, 0.2, 0.4])
    with pytest.raises(ModelsError, match="no concept 'flat'"):
        intervene(head, scores, values={"flat": 1.0})
    with pytest.raises(ModelsError, match=r"dark cannot be set to 1\.5"):
        intervene(head, scores, values={"dark": 1.5})
    with pytest.raises(ModelsError, match="dark cannot be set to nan"):
        intervene(head, scores, values={"dark": float("nan")})


def test_a_head_that_scales_rows_to_length_one_cannot_be_intervened_on() -> None:
    with pytest.raises(ModelsError, match="no concept can be changed alone"):
        intervene(make_head(ScalingKind.UNIT), np.array([0.5, 0.2, 0.4]), values={"dark": 1.0})


def test_a_possible_answer_is_what_intervening_with_it_gives() -> None:
    head, scores = make_head(ScalingKind.CENTER), np.array([0.5, 0.2, 0.4], dtype=np.float32)
    levels = Levels(np.array([0.1, 0.05, 0.2]), np.array([0.8, 0.6, 0.9]))
    for number, answer in enumerate(possible_answers(head, scores, levels=levels)):
        name = CONCEPTS[number]
        assert (answer.concept_id, answer.score) == (name, pytest.approx(scores[number]))
        assert answer.if_yes == pytest.approx(
            intervene(head, scores, values={name: float(levels.yes[number])}).after
        )
        assert answer.if_no == pytest.approx(
            intervene(head, scores, values={name: float(levels.no[number])}).after
        )


def test_an_answer_becomes_a_quantile_of_its_concept_and_an_unknown_one_stays_unknown() -> None:
    training = np.stack([np.linspace(0, 1, 101), np.linspace(0.2, 0.4, 101)], axis=1)
    levels = Levels.quantiles(training)
    values = levels.values(np.array([[0.9, 0.1], [np.nan, 0.5], [0.0, np.nan]]))
    np.testing.assert_allclose(values, [[0.95, 0.21], [np.nan, 0.39], [0.05, np.nan]])
    np.testing.assert_array_equal(
        Levels.hard(2).values(np.array([[0.9, 0.1], [np.nan, 0.5]])), [[1, 0], [np.nan, 1]]
    )


def test_matched_levels_are_the_medians_of_the_images_that_a_perfect_detector_would_part() -> None:
    rng = np.random.default_rng(0)
    training, share = rng.random((2001, 2)), np.array([0.1, 0.6])
    levels = Levels.matched(training, share=share)
    for column in range(2):
        ordered = np.sort(training[:, column])
        cut = round((1 - share[column]) * len(ordered))
        assert levels.no[column] == pytest.approx(np.median(ordered[:cut]), abs=2e-3)
        assert levels.yes[column] == pytest.approx(np.median(ordered[cut:]), abs=2e-3)


@pytest.mark.parametrize("name", list(POLICIES))
@pytest.mark.parametrize("kind", KINDS)
def test_the_curve_is_what_setting_one_concept_after_the_other_gives(name: str, kind: ScalingKind) -> None:
    images, policy, levels = make_images(), POLICIES[name], Levels.hard(6)
    heads = [make_head(kind, seed=seed, concepts=6) for seed in (3, 4)]
    found = intervention_curve(heads, images, policy=policy, levels=levels, settings=QUICK)
    each = [
        brute_force(head, images, levels, priorities)
        for head in heads
        for priorities in policy.priorities(head, images.scores, seed=0)
    ]
    np.testing.assert_allclose(found.accuracy.value, np.mean(each, axis=0))
    np.testing.assert_allclose(found.gain.value, np.mean(each, axis=0) - np.mean(each, axis=0)[0], atol=1e-12)
    assert found.known == pytest.approx((~np.isnan(images.answers)).sum(axis=1).mean())
    assert (found.policy, found.n) == (name, 60)


def test_the_interval_is_that_of_drawing_whole_patients() -> None:
    images, head = make_images(n=40), make_head(concepts=6)
    settings = CurveSettings(replicates=2000)
    found = intervention_curve([head], images, policy=Uncertainty(), levels=Levels.hard(6), settings=settings)
    right = (head.predict(images.scores).argmax(axis=1) == images.labels).reshape(20, 2).mean(axis=1)
    rng = np.random.default_rng(0)
    draws = right[rng.integers(0, 20, (20_000, 20))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert found.accuracy.low[0] == pytest.approx(low, abs=0.03)
    assert found.accuracy.high[0] == pytest.approx(high, abs=0.03)
    assert (found.gain.low[0], found.gain.high[0]) == (0, 0)


def test_true_answers_lift_accuracy_where_the_detectors_are_noise_and_those_of_others_do_not() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, (400, 8)).astype(np.float32)
    weight = np.stack([-np.ones(8), np.ones(8)]).astype(np.float32)
    none = Scaling.fit(ScalingKind.CENTER, np.full((2, 8), 0.5))
    head = KnoBo(("a", "b"), tuple("stuvwxyz"), weight, weight, none)
    images = AnsweredImages(
        scores=rng.uniform(0.3, 0.7, truth.shape).astype(np.float32),
        answers=truth,
        labels=(head.predict(truth)[:, 1] > 0.5).astype(np.int64),
        units=tuple(map(str, range(400))),
    )
    for policy in POLICIES.values():
        found = intervention_curve([head], images, policy=policy, levels=Levels.hard(8), settings=QUICK)
        assert found.accuracy.value[0] < 0.6
        assert found.accuracy.value[-1] == 1
        assert all(later > earlier - 0.05 for earlier, later in pairwise(found.accuracy.value))
    others = answers_of_others(images, seed=0)
    found = intervention_curve([head], others, policy=Random(), levels=Levels.hard(8), settings=QUICK)
    assert found.accuracy.value[-1] < 0.65


def test_no_image_keeps_its_own_answers_in_the_control() -> None:
    images = make_images(unknown=0)
    marked = AnsweredImages(
        images.scores, np.arange(60.0)[:, None].repeat(6, axis=1), images.labels, images.units
    )
    rows = answers_of_others(marked, seed=3).answers[:, 0]
    assert sorted(rows) == list(range(60))
    assert not np.any(rows == np.arange(60))


def test_policies_ask_first_what_they_are_named_after() -> None:
    head = make_head(ScalingKind.CENTER)
    scores = np.array([[0.45, 0.9, 0.1], [0.9, 0.1, 0.52]])
    np.testing.assert_array_equal(Uncertainty().priorities(head, scores, seed=0)[0].argmax(axis=1), [0, 2])
    amounts = [[part.amount for part in sorted_by_id(head, row)] for row in scores]
    expected = [int(np.argmax(np.ptp(np.reshape(amount, (2, 3)), axis=0))) for amount in amounts]
    np.testing.assert_array_equal(
        ByContribution().priorities(head, scores, seed=0)[0].argmax(axis=1), expected
    )
    drawn = Random(draws=3).priorities(head, scores, seed=7)
    assert drawn.shape == (3, 2, 3)
    np.testing.assert_array_equal(drawn, Random(draws=3).priorities(head, scores, seed=7))


def sorted_by_id(head: KnoBo, scores: NDArray[np.float64]) -> list[Contribution]:
    return [
        part
        for one in head.explain(scores)
        for part in sorted(one, key=lambda c: CONCEPTS.index(c.concept_id))
    ]


def test_a_curve_stops_where_it_is_told_to_and_where_answers_end() -> None:
    images, head = make_images(unknown=0.5), make_head(concepts=6)
    longest = int((~np.isnan(images.answers)).sum(axis=1).max())
    found = intervention_curve([head], images, policy=Random(), levels=Levels.hard(6), settings=QUICK)
    assert len(found.accuracy.value) == longest + 1
    short = CurveSettings(most=2, replicates=50)
    found = intervention_curve([head], images, policy=Random(), levels=Levels.hard(6), settings=short)
    assert len(found.accuracy.value) == len(found.gain.high) == 3


def test_images_without_any_answer_have_no_curve() -> None:
    images = make_images(unknown=1.1)
    with pytest.raises(ModelsError, match="no image has an answer"):
        intervention_curve([make_head(concepts=6)], images, policy=Random(), levels=Levels.hard(6))
