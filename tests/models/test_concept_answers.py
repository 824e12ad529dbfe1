"""Scores and heads beside known answers: calibration, global importance, existence."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from models.bottleneck import KnoBo
from models.concept_audit.calibration import calibrate_concepts
from models.concept_audit.existence import concept_existence
from models.concept_audit.importance import class_importance, class_shares
from models.concept_audit.scored_images import ScoredImages
from models.evaluation.audit import AuditSettings
from models.scaling import Scaling, ScalingKind

QUICK = AuditSettings(replicates=50)
CONCEPTS = tuple(f"c{n}" for n in range(6))


def make_images(size: int = 200, *, seed: int = 0) -> ScoredImages:
    """Each class has three concepts of its own; an oracle scores them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size)
    own = (np.arange(6) // 3)[None] == labels[:, None]
    answers = (rng.random((size, 6)) < np.where(own, 0.8, 0.1)).astype(np.float64)
    return ScoredImages("s", CONCEPTS, answers.copy(), answers, labels, tuple(map(str, range(size))))


def make_head(weight: np.ndarray, kind: ScalingKind = ScalingKind.NONE) -> KnoBo:
    scaling = Scaling.fit(kind, make_images().scores)
    return KnoBo(("a", "b"), CONCEPTS, weight.astype(np.float32), np.sign(weight).astype(np.float32), scaling)


OWN = np.repeat(np.eye(2), 3, axis=1)


def test_calibration_agrees_with_scikit_learn_on_the_images_whose_answer_is_known() -> None:
    rng = np.random.default_rng(1)
    images = make_images()
    scores = np.clip(images.answers * 0.4 + 0.6 * rng.random(images.answers.shape), 0, 1)
    answers = np.where(rng.random(images.answers.shape) < 0.3, np.nan, images.answers)
    answers[:, 4] = np.where(np.arange(200) < 9, images.answers[:, 4], np.nan)
    answers[:, 5] = 0
    told = replace(images, scores=scores, answers=answers)
    found = {row.concept_id: row for row in calibrate_concepts(told, domain="shifted", settings=QUICK)}
    assert set(found) == {"c0", "c1", "c2", "c3", "c5"}
    for column in range(4):
        known = ~np.isnan(answers[:, column])
        yes, given = answers[known, column], scores[known, column]
        row = found[f"c{column}"]
        assert (row.n_yes, row.n_no) == (yes.sum(), (1 - yes).sum())
        assert row.auroc == pytest.approx(roc_auc_score(yes, given), abs=1e-6)
        assert row.brier == pytest.approx(brier_score_loss(yes, given), abs=1e-6)
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.high
        ranked = sorted(zip(given, yes, strict=True))
        sizes = [len(each) for each in np.array_split(ranked, 10)]
        ends = np.cumsum([0, *sizes])
        gaps = [
            abs(np.mean([s - y for s, y in ranked[begin:end]])) * (end - begin)
            for begin, end in pairwise(ends.tolist())
        ]
        assert row.ece == pytest.approx(sum(gaps) / known.sum(), abs=1e-6)
    assert found["c5"].auroc is None
    assert found["c5"].share == 0


def test_weights_that_are_the_shares_of_yes_have_a_global_importance_of_one() -> None:
    images = make_images()
    shares = class_shares(images, classes=2)
    for label in (0, 1):
        assert shares[label] == pytest.approx(images.answers[images.labels == label].mean(axis=0))
    for row in class_importance(images, images, [make_head(shares)]):
        assert row.weight == pytest.approx(1, abs=1e-6)
        assert row.weight_contrast == pytest.approx(1, abs=1e-6)


def test_global_importance_by_hand() -> None:
    images, weight = make_images(), np.random.default_rng(2).normal(size=(2, 6)) * 0.2 + OWN
    head = make_head(weight)
    right = head.logits(images.scores).argmax(axis=1) == images.labels
    for label, row in enumerate(class_importance(images, images, [head])):
        share = images.answers[images.labels == label].mean(axis=0)
        mean = images.scores[right & (images.labels == label)].mean(axis=0)
        for value, vector in (
            (row.weight, head.weight[label]),
            (row.score, mean),
            (row.contribution, head.weight[label] * mean),
        ):
            expected = vector @ share / np.linalg.norm(vector) / np.linalg.norm(share)
            assert value == pytest.approx(expected, abs=1e-6)


def test_a_class_without_known_answers_has_no_importance() -> None:
    images = make_images()
    silent = np.where((images.labels == 1)[:, None], np.nan, images.answers)
    first, second = class_importance(images, replace(images, answers=silent), [make_head(OWN)])
    assert first.weight is not None
    assert second.weight is None


def test_an_oracle_that_weighs_only_what_is_there_names_only_what_is_there() -> None:
    images = make_images(2000)
    rows = concept_existence(images, [make_head(OWN)], domain="in_domain", settings=QUICK)
    assert [row.top for row in rows] == [1, 3, 5]
    assert rows[0].share > 0.97  # but for images without any concept of their class
    assert rows[0].low <= rows[0].share <= rows[0].high
    said = make_head(OWN).logits(images.scores).argmax(axis=1)
    first = (OWN[said] * images.scores).argmax(axis=1)
    base = images.answers[:, first].mean()
    assert rows[0].base == pytest.approx(base, abs=0.04)


def test_a_centred_head_is_right_about_what_is_absent() -> None:
    images = make_images(500)
    head = make_head(OWN - 0.5, ScalingKind.CENTER)
    rows = {row.top: row for row in concept_existence(images, [head], domain="d", settings=QUICK)}
    assert rows[3].right == 1
    assert rows[3].share < 1


def test_unknown_answers_count_neither_way_and_images_without_any_are_left_out() -> None:
    images = make_images(100)
    answers = images.answers.copy()
    answers[:40] = np.nan
    answers[40:, 5] = np.nan
    told = replace(images, answers=answers)
    (row,) = [
        row for row in concept_existence(told, [make_head(OWN)], domain="d", settings=QUICK) if row.top == 5
    ]
    shares = []
    for image in range(40, 100):
        said = make_head(OWN).logits(images.scores[[image]])[0].argmax()
        order = np.argsort(-OWN[said] * images.scores[image], kind="stable")[:5]
        known = [answers[image, column] for column in order if column != 5]
        shares.append(np.mean(known))
    assert row.n == 60
    assert row.share == pytest.approx(np.mean(shares), abs=1e-6)
    nothing = replace(images, answers=np.full_like(answers, np.nan))
    assert concept_existence(nothing, [make_head(OWN)], domain="d", settings=QUICK) == ()
