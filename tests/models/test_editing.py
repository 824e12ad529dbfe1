from dataclasses import replace

import numpy as np
import pytest

from models.bottleneck import KnoBo
from models.domains import DomainSplit
from models.errors import ModelsError
from models.evaluation.audit import AuditSettings
from models.features.table import FeatureTable
from models.scaling import Scaling, ScalingKind
from models.what_if.editing import Edit, FlipSign, Prune, PruneAndNormalise, SetWeight, edited, report_edits
from models.what_if.split_heads import SplitHeads

CLASSES = ("clear", "effusion", "nodule")
CONCEPTS = ("blunted", "round", "wide", "idle")


def make_head(seed: int = 0, *, classes: tuple[str, ...] = CLASSES) -> KnoBo:
    weight = np.random.default_rng(seed).normal(size=(len(classes), 4)).astype(np.float32)
    weight[:, 3] = 0
    return KnoBo(
        classes,
        CONCEPTS,
        weight,
        np.sign(weight),
        Scaling.fit(ScalingKind.NONE, np.zeros((1, 4))),
        {"seed": 0},
    )


def make_split(name: str, *, seed: int, classes: tuple[str, ...] = ("clear", "effusion")) -> SplitHeads:
    """Training, and two domains of 40 images of 20 patients each."""
    rng = np.random.default_rng(seed)
    parts = {
        part: tuple(f"{name}/{part}{n}" for n in range(40))
        for part in ("train", "validation", "in_domain", "shifted")
    }
    ids = tuple(image for part in parts.values() for image in part)
    split = DomainSplit(
        name=name,
        classes=classes,
        attribute="view",
        label={image: classes[int(rng.integers(len(classes)))] for image in ids},
        patient={image: f"{name}/{row // 2}" for row, image in enumerate(ids)},
        checks=(),
        **parts,
    )
    scores = FeatureTable(ids, CONCEPTS, rng.random((len(ids), 4), dtype=np.float32))
    return SplitHeads(split, tuple(make_head(n, classes=classes) for n in (1, 2)), scores)


def test_pruning_sets_one_weight_to_zero_and_leaves_every_other_bit() -> None:
    head = make_head()
    expected = head.weight.copy()
    expected[1, 2] = 0
    after = edited(head, [Prune("wide", "effusion")])
    assert after.weight.tobytes() == expected.tobytes()
    assert head.weight[1, 2] != 0
    assert after.about["edits"] == ["prune wide for effusion"]
    assert "edits" not in head.about
    everywhere = edited(head, [Prune("wide")]).weight
    assert not everywhere[:, 2].any()
    assert everywhere[:, [0, 1, 3]].tobytes() == head.weight[:, [0, 1, 3]].tobytes()


@pytest.mark.parametrize("class_name", [None, "nodule"])
def test_normalising_keeps_the_l1_norm_of_each_pruned_row_and_the_bits_of_the_others(
    class_name: str | None,
) -> None:
    head = make_head()
    after = edited(head, [PruneAndNormalise("round", class_name)])
    np.testing.assert_allclose(np.abs(after.weight).sum(axis=1), np.abs(head.weight).sum(axis=1), rtol=1e-6)
    rows = [CLASSES.index(class_name)] if class_name else [0, 1, 2]
    assert not after.weight[rows, 1].any()
    for row in range(3):
        if row in rows:
            kept = [0, 2]
            ratio = after.weight[row, kept] / head.weight[row, kept]
            assert ratio[0] == pytest.approx(ratio[1])
            assert ratio[0] > 1
        else:
            assert after.weight[row].tobytes() == head.weight[row].tobytes()


@pytest.mark.parametrize("edit", [Prune("idle"), PruneAndNormalise("idle"), FlipSign("idle")])
def test_pruning_a_weight_that_is_zero_changes_nothing(edit: Edit) -> None:
    head = make_head()
    np.testing.assert_array_equal(edited(head, [edit]).weight, head.weight)


def test_a_row_with_nothing_left_stays_zero() -> None:
    head = replace(make_head(), weight=np.diag([1, 2, 3]).astype(np.float32) @ np.eye(3, 4, dtype=np.float32))
    after = edited(head, [PruneAndNormalise("round")]).weight
    np.testing.assert_array_equal(after, [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 3, 0]])


def test_weights_are_set_and_signs_flipped_in_the_order_given() -> None:
    head = make_head()
    after = edited(head, [SetWeight("blunted", "effusion", 0.4), FlipSign("blunted")])
    expected = head.weight.copy()
    expected[:, 0] *= -1
    expected[1, 0] = -0.4
    np.testing.assert_array_equal(after.weight, expected.astype(np.float32))
    np.testing.assert_array_equal(edited(head, [FlipSign("wide"), FlipSign("wide")]).weight, head.weight)
    assert after.about["edits"] == [
        "set blunted for effusion to 0.4",
        "flip the sign of blunted for all classes",
    ]


def test_an_unknown_concept_or_class_and_a_weight_that_is_no_number_are_refused() -> None:
    with pytest.raises(ModelsError, match="no concept 'flat'"):
        edited(make_head(), [Prune("flat")])
    with pytest.raises(ModelsError, match="no class 'normal'; choose from clear, effusion, nodule"):
        edited(make_head(), [Prune("wide", "normal")])
    with pytest.raises(ModelsError, match="finite"):
        edited(make_head(), [SetWeight("wide", "nodule", float("inf"))])


def test_before_and_after_are_the_accuracies_of_the_two_heads_on_every_domain() -> None:
    splits = [make_split("one", seed=3), make_split("two", seed=4)]
    edits = [Prune("wide"), SetWeight("blunted", "effusion", 3.0)]
    report = report_edits(splits, edits, settings=AuditSettings(replicates=100))
    found = {(c.split, c.domain): c for c in report.changes if c.metric == "accuracy"}
    assert {split for split, _ in found} == {"one", "two", "mean"}
    assert {domain for _, domain in found} == {"in_domain", "shifted", "gap", "average"}
    for each in splits:
        for domain, ids in (("in_domain", each.split.in_domain), ("shifted", each.split.shifted)):
            scores, labels = each.scores.rows(ids), each.split.targets(ids)
            rates = [
                np.mean([(head.predict(scores).argmax(axis=1) == labels).mean() for head in heads])
                for heads in (each.heads, [edited(head, edits) for head in each.heads])
            ]
            change = found[each.split.name, domain]
            assert [change.before, change.after] == pytest.approx(rates, abs=1e-6)
            assert change.difference == pytest.approx(rates[1] - rates[0], abs=1e-6)
            assert change.low <= change.difference <= change.high
            assert change.n == 40
    assert found["mean", "shifted"].after == pytest.approx(
        (found["one", "shifted"].after + found["two", "shifted"].after) / 2, abs=1e-6
    )
    assert report.edits == ("prune wide for all classes", "set blunted for effusion to 3")


def test_an_edit_without_effect_differs_by_nothing_anywhere() -> None:
    report = report_edits([make_split("one", seed=3)], [Prune("idle")], settings=AuditSettings(replicates=20))
    assert {(c.difference, c.low, c.high) for c in report.changes} == {(0.0, 0.0, 0.0)}


def test_scores_of_other_concepts_are_refused() -> None:
    made = make_split("one", seed=3)
    table = FeatureTable(made.scores.ids, CONCEPTS[:3], made.scores.values[:, :3])
    with pytest.raises(ModelsError, match="different concepts"):
        replace(made, scores=table)
