from dataclasses import replace

import numpy as np
import pytest

from models.bottleneck import KnoBo
from models.domains import DomainSplit
from models.errors import ModelsError
from models.evaluation.audit import AuditSettings
from models.features.table import FeatureTable
from models.scaling import Scaling, ScalingKind
from models.what_if.ablation import ALL, Ablation, ablate
from models.what_if.split_heads import SplitHeads

CONCEPTS = tuple(f"c{n}" for n in range(7))
KINDS = (ScalingKind.NONE, ScalingKind.CENTER, ScalingKind.STANDARD)


def make_split(
    name: str, *, kind: ScalingKind = ScalingKind.CENTER, seed: int = 0, size: int = 30
) -> SplitHeads:
    """Concept c0 is the label in domain and its opposite where shifted; c6 has no weight."""
    rng = np.random.default_rng(seed)
    parts = {
        part: tuple(f"{name}/{part}{n}" for n in range(size))
        for part in ("train", "validation", "in_domain", "shifted")
    }
    ids = tuple(image for part in parts.values() for image in part)
    labels = rng.integers(0, 2, len(ids))
    split = DomainSplit(
        name=name,
        classes=("a", "b"),
        attribute="view",
        label={image: "ab"[label] for image, label in zip(ids, labels, strict=True)},
        patient={image: f"{name}/{row // 3}" for row, image in enumerate(ids)},
        checks=(),
        **parts,
    )
    values = rng.random((len(ids), 7), dtype=np.float32)
    values[:, 0] = np.where(np.arange(len(ids)) < 3 * size, labels, 1 - labels)
    scores = FeatureTable(ids, CONCEPTS, values)
    scaling = Scaling.fit(kind, scores.rows(split.train))
    heads = []
    for _ in range(2):
        weight = rng.normal(size=(2, 7)).astype(np.float32)
        weight[:, 0], weight[:, 6] = [-3, 3], 0
        heads.append(KnoBo(("a", "b"), CONCEPTS, weight, np.sign(weight), scaling))
    return SplitHeads(split, tuple(heads), scores)


def by_place(rows: tuple[Ablation, ...]) -> dict[tuple[str, str, str], Ablation]:
    return {(row.concept_id, row.split, row.domain): row for row in rows}


@pytest.mark.parametrize("kind", KINDS)
def test_each_number_is_what_the_head_says_of_scores_with_that_column_at_its_training_mean(
    kind: ScalingKind,
) -> None:
    made = make_split("one", kind=kind)
    found = by_place(ablate([made], settings=AuditSettings(replicates=10)))
    usual = made.scores.rows(made.split.train).mean(axis=0)
    for domain, ids in (("in_domain", made.split.in_domain), ("shifted", made.split.shifted)):
        scores, labels = made.scores.rows(ids), made.split.targets(ids)
        as_it_is = [head.predict(scores).argmax(axis=1) for head in made.heads]
        for column, concept_id in enumerate(CONCEPTS):
            changed = scores.copy()
            changed[:, column] = usual[column]
            without = [head.predict(changed).argmax(axis=1) for head in made.heads]
            row = found[concept_id, "one", domain]
            assert row.before == pytest.approx(np.mean([each == labels for each in as_it_is]))
            assert row.after == pytest.approx(np.mean([each == labels for each in without]))
            assert row.difference == pytest.approx(row.after - row.before, abs=1e-6)
            assert row.flipped == pytest.approx(
                np.mean([b != a for b, a in zip(as_it_is, without, strict=True)])
            )
            assert row.n == 30


@pytest.mark.parametrize("kind", KINDS)
def test_without_all_concepts_every_image_gets_the_same_class(kind: ScalingKind) -> None:
    made = make_split("one", kind=kind)
    row = by_place(ablate([made], settings=AuditSettings(replicates=10)))[ALL, "one", "shifted"]
    shares = np.bincount(made.split.targets(made.split.shifted), minlength=2) / 30
    usual = made.scores.rows(made.split.train).mean(axis=0, dtype=np.float64)[None]
    answers = [int(head.predict(usual).argmax()) for head in made.heads]
    if kind is ScalingKind.NONE:  # elsewhere all logits are equal but for the last bit
        assert row.after == pytest.approx(np.mean([shares[answer] for answer in answers]))
    assert min(abs(row.after - share) for share in (*shares, shares.mean())) < 1e-9


def test_a_concept_that_misleads_lifts_the_shifted_domain_when_it_is_silenced() -> None:
    found = by_place(ablate([make_split("one", size=90)], settings=AuditSettings(replicates=200)))
    inside, outside = found["c0", "one", "in_domain"], found["c0", "one", "shifted"]
    assert inside.high < 0 < outside.low
    idle = found["c6", "one", "shifted"]
    assert (idle.difference, idle.low, idle.high, idle.flipped) == (0, 0, 0, 0)


def test_the_mean_is_that_of_the_splits_in_it() -> None:
    splits = [make_split(name, seed=seed) for seed, name in enumerate(("one", "two", "three"))]
    found = by_place(ablate(splits, mean=["one", "three"], settings=AuditSettings(replicates=20)))
    for concept_id in (ALL, *CONCEPTS):
        row = found[concept_id, "mean", "shifted"]
        parts = [found[concept_id, name, "shifted"] for name in ("one", "three")]
        assert row.difference == pytest.approx(np.mean([part.difference for part in parts]), abs=2e-6)
        assert row.flipped == pytest.approx(np.mean([part.flipped for part in parts]))
        assert row.n == 60


def test_intervals_are_those_of_drawing_whole_patients() -> None:
    made = make_split("one", size=90)
    row = by_place(ablate([made], settings=AuditSettings(replicates=2000)))["c0", "one", "shifted"]
    ids = made.split.shifted
    scores, labels = made.scores.rows(ids), made.split.targets(ids)
    changed = scores.copy()
    changed[:, 0] = made.usual[0]
    gains = np.mean(
        [
            (head.predict(changed).argmax(axis=1) == labels).astype(float)
            - (head.predict(scores).argmax(axis=1) == labels)
            for head in made.heads
        ],
        axis=0,
    )
    patients = gains.reshape(30, 3).mean(axis=1)
    draws = patients[np.random.default_rng(0).integers(0, 30, (20_000, 30))].mean(axis=1)
    np.testing.assert_allclose([row.low, row.high], np.quantile(draws, [0.025, 0.975]), atol=0.02)


def test_progress_is_told_and_splits_of_other_concepts_are_refused() -> None:
    told: list[tuple[int, int]] = []
    splits = [make_split("one"), make_split("two")]
    ablate(splits, settings=AuditSettings(replicates=5), progress=lambda *each: told.append(each))
    assert told == [(1, 2), (2, 2)]
    table = splits[1].scores
    heads = tuple(replace(head, concept_ids=tuple("stuvwxy")) for head in splits[1].heads)
    other = SplitHeads(splits[1].split, heads, FeatureTable(table.ids, tuple("stuvwxy"), table.values))
    with pytest.raises(ModelsError, match="different concepts"):
        ablate([splits[0], other])
