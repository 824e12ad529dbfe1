"""What heads say once concepts are taken from them, against plain loops."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss

from models.bottleneck import KnoBo
from models.concept_audit.agreement import prior_agreement
from models.concept_audit.completeness import completeness
from models.concept_audit.deletion import delete_concepts
from models.concept_audit.faithfulness import measure_faithfulness
from models.domains import DomainSplit
from models.evaluation.audit import AuditSettings
from models.evaluation.predictions import Predictions
from models.features.table import FeatureTable
from models.scaling import Scaling, ScalingKind
from models.what_if.split_heads import SplitHeads

QUICK = AuditSettings(replicates=50)
CONCEPTS = tuple(f"c{n}" for n in range(6))
CLASSES = ("a", "b", "c")


def make_split(*, kind: ScalingKind = ScalingKind.CENTER, size: int = 60, seed: int = 0) -> SplitHeads:
    """The class is the largest of the first three concepts; three more say nothing."""
    rng = np.random.default_rng(seed)
    parts = {
        part: tuple(f"{part}{n}" for n in range(size))
        for part in ("train", "validation", "in_domain", "shifted")
    }
    ids = tuple(image for part in parts.values() for image in part)
    values = rng.random((len(ids), 6), dtype=np.float32)
    labels = values[:, :3].argmax(axis=1)
    split = DomainSplit(
        name="s",
        classes=CLASSES,
        attribute="view",
        label={image: CLASSES[label] for image, label in zip(ids, labels, strict=True)},
        patient={},
        checks=(),
        **parts,
    )
    scores = FeatureTable(ids, CONCEPTS, values)
    scaling = Scaling.fit(kind, scores.rows(split.train))
    heads = []
    for _ in range(2):
        weight = 0.3 * rng.normal(size=(3, 6)).astype(np.float32)
        weight[:, :3] += 6 * np.eye(3, dtype=np.float32)
        heads.append(KnoBo(CLASSES, CONCEPTS, weight, np.sign(weight), scaling))
    return SplitHeads(split, tuple(heads), scores)


def test_scores_as_they_are_give_the_heads_own_accuracy_and_log_loss() -> None:
    heads = make_split()
    rows = {(row.domain, row.scores): row for row in measure_faithfulness(heads, settings=QUICK)}
    assert len(rows) == 10
    for images in heads.domains():
        said = [head.predict(images.scores) for head in heads.heads]
        found = rows[images.domain, "as_they_are"]
        right = np.mean([(each.argmax(axis=1) == images.labels).mean() for each in said])
        assert found.accuracy == pytest.approx(right, abs=1e-6)
        losses = [log_loss(images.labels, each, labels=[0, 1, 2]) for each in said]
        assert found.log_loss == pytest.approx(np.mean(losses), abs=1e-5)
        assert found.low <= found.accuracy <= found.high


@pytest.mark.parametrize("kind", [ScalingKind.NONE, ScalingKind.CENTER, ScalingKind.STANDARD])
def test_a_head_without_its_concepts_is_no_better_than_chance(kind: ScalingKind) -> None:
    heads = make_split(kind=kind, size=300)
    rows = {row.scores: row for row in measure_faithfulness(heads, settings=QUICK) if row.domain == "shifted"}
    assert rows["as_they_are"].accuracy > 0.85
    for name in ("zeroed", "permuted", "other_image", "random"):
        assert rows[name].accuracy == pytest.approx(1 / 3, abs=0.08)
        assert rows[name].log_loss > rows["as_they_are"].log_loss
    assert rows["zeroed"].log_loss == pytest.approx(np.log(3), abs=1e-6)


def test_deleting_concepts_is_setting_their_scores_to_the_training_mean_one_image_at_a_time() -> None:
    heads = make_split(kind=ScalingKind.STANDARD, size=25)
    found = {(row.domain, row.order): row for row in delete_concepts(heads)}
    for images in heads.domains():
        for order, sign in (("largest", -1), ("smallest", 1)):
            row = found[images.domain, order]
            assert row.removed == (0, 1, 2, 4, 6)
            for place, count in enumerate(row.removed):
                right, same = [], []
                for head in heads.heads:
                    for scores, label in zip(images.scores, images.labels, strict=True):
                        winner = head.logits(scores[None])[0].argmax()
                        amounts = head.weight * head.scaling.apply(scores[None])[0]
                        margin = amounts[winner] - np.delete(amounts, winner, axis=0).mean(axis=0)
                        changed = scores.astype(np.float64)
                        gone = np.argsort(sign * margin)[:count]
                        changed[gone] = heads.usual[gone]
                        now = head.logits(changed[None])[0].argmax()
                        right.append(now == label)
                        same.append(now == winner)
                assert row.accuracy[place] == pytest.approx(np.mean(right), abs=1e-6)
                assert row.same[place] == pytest.approx(np.mean(same), abs=1e-6)


def test_true_explanations_turn_the_answer_soonest_when_their_largest_goes_first() -> None:
    rows = {row.order: row for row in delete_concepts(make_split(size=300)) if row.domain == "shifted"}
    assert rows["largest"].same[2] < rows["random"].same[2] < rows["smallest"].same[2]
    assert rows["smallest"].same[2] == 1


def test_a_head_that_divides_by_the_length_of_the_scores_has_no_deletions() -> None:
    assert delete_concepts(make_split(kind=ScalingKind.UNIT)) == ()


def test_completeness_is_what_is_left_of_the_features_lead_over_chance() -> None:
    split = make_split(size=40).split
    rng = np.random.default_rng(0)
    ids = (*split.in_domain, *split.shifted)
    labels = split.targets(ids)

    def predict(method: str, share: float) -> Predictions:
        said = np.where(rng.random((2, len(ids))) < share, labels, (labels + 1) % 3)
        return Predictions(method, "s", (0, 1), ids, np.eye(3)[said])

    reference, method = predict("linear_probe", 0.9), predict("no_prior", 0.7)
    rows = completeness(split, [reference, method], settings=QUICK)
    assert [(row.domain, row.method) for row in rows] == [("in_domain", "no_prior"), ("shifted", "no_prior")]
    for row, part in zip(rows, (split.in_domain, split.shifted), strict=True):
        truth = split.targets(part)
        chance = max(np.mean(truth == label) for label in range(3))
        own, other = (np.mean(each.of(part).argmax(axis=2) == truth) for each in (method, reference))
        assert row.chance == pytest.approx(chance, abs=1e-6)
        assert row.value == pytest.approx((own - chance) / (other - chance), abs=1e-6)
    blind = replace(reference, probabilities=np.eye(3)[np.tile((labels + 1) % 3, (2, 1))])
    assert completeness(split, [blind, method], settings=QUICK) == ()
    assert completeness(split, [method], settings=QUICK) == ()


def test_agreement_counts_the_weights_that_have_the_sign_of_the_prior() -> None:
    scaling = Scaling.fit(ScalingKind.NONE, np.zeros((1, 4)))
    prior = np.array([[1, -1, 0, 1], [-1, 1, 0, -1]], np.float32)
    weight = np.array([[2, 1, 5, 1], [-2, 3, 5, 0]], np.float32)
    heads = [KnoBo(("a", "b"), CONCEPTS[:4], weight * factor, prior, scaling) for factor in (0.5, 1.5)]
    first, second = prior_agreement("s", heads)
    assert (first.n, first.agreeing, first.weighted) == (3, 2, 0.75)
    assert (second.n, second.agreeing, second.weighted) == (3, 2, 1.0)
    follows = [KnoBo(("a", "b"), CONCEPTS[:4], np.arctanh(prior * 0.9), prior, scaling)]
    assert [row.cosine for row in prior_agreement("s", follows)] == pytest.approx([1, 1])
    dealt = [
        sum(size for size, sign in zip((2, 1, 1), signs, strict=True) if sign > 0) / 4
        for signs in ((1, -1, 1), (1, 1, -1), (-1, 1, 1))
    ]
    assert first.chance is not None
    assert first.chance == pytest.approx(np.mean(dealt), abs=0.05)
