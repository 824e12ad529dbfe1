import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.domains import Check, DomainSplit
from models.errors import ModelsError
from models.evaluation.audit import (
    AuditReport,
    AuditRow,
    AuditSettings,
    Predictions,
    audit,
    read_predictions,
    write_predictions,
)

QUICK = AuditSettings(replicates=300)


def make_split(
    name: str, *, inside: int = 60, outside: int = 40, patients: bool = True, seed: int = 0
) -> DomainSplit:
    generator = np.random.default_rng(seed)
    ids = tuple(f"{name}/{row}" for row in range(inside + outside))
    labels = generator.integers(0, 2, size=len(ids))
    return DomainSplit(
        name=name,
        classes=("no", "yes"),
        attribute="sex" if outside else "",
        train=(),
        validation=(),
        in_domain=ids[:inside],
        shifted=ids[inside:],
        label={image: ("no", "yes")[number] for image, number in zip(ids, labels, strict=True)},
        patient={image: f"{name}/p{row // 2}" for row, image in enumerate(ids)} if patients else {},
        checks=(Check("patient_overlap", passed=True, fatal=True, message="No overlap.", counts={}),),
    )


def make_predictions(split: DomainSplit, method: str, *, skill: float, seeds: int = 3) -> Predictions:
    generator = np.random.default_rng(len(method))
    ids = split.in_domain + split.shifted
    truth = np.array([split.label[image] == "yes" for image in ids])
    yes = generator.random((seeds, len(ids))) + skill * truth
    probabilities = np.stack([1 + skill - yes, yes], axis=2) / (1 + skill)
    return Predictions(method, split.name, tuple(range(seeds)), ids, probabilities)


def find(report: AuditReport, **wanted: str) -> AuditRow:
    (row,) = [
        row for row in report.rows if all(getattr(row, name) == value for name, value in wanted.items())
    ]
    return row


def truth_of(split: DomainSplit, ids: tuple[str, ...]) -> np.ndarray:
    return np.array([split.label[image] == "yes" for image in ids]).astype(int)


def small_audit() -> tuple[tuple[DomainSplit, ...], list[Predictions], AuditReport]:
    splits = (make_split("a"), make_split("b", seed=1), make_split("c", outside=0, patients=False, seed=2))
    predictions = [
        make_predictions(split, method, skill=skill, seeds=seeds)
        for method, skill, seeds in (("knobo", 0.6, 3), ("linear_probe", 0.3, 3), ("fine_tune", 0.4, 1))
        for split in splits
    ]
    return splits, predictions, audit(predictions, splits, notes=["A note."], settings=QUICK)


def test_values_are_means_over_seeds_on_the_whole_sample() -> None:
    splits, predictions, report = small_audit()
    split, own = splits[0], predictions[0]
    labels = truth_of(split, split.shifted)
    shown = own.of(split.shifted)
    expected = np.mean([(one.argmax(axis=1) == labels).mean() for one in shown])
    row = find(report, method="knobo", split="a", domain="shifted", metric="accuracy")
    assert row.value == pytest.approx(expected, abs=1e-6)
    assert (row.n, row.seeds) == (40, 3)
    expected = np.mean([roc_auc_score(labels, one[:, 1]) for one in shown])
    row = find(report, method="knobo", split="a", domain="shifted", metric="auroc")
    assert row.value == pytest.approx(expected, abs=1e-6)
    assert row.low < row.value < row.high


def test_gap_average_and_mean_follow_from_the_domains() -> None:
    _, _, report = small_audit()
    for metric in ("accuracy", "balanced_accuracy", "auroc"):
        inside = find(report, method="knobo", split="b", domain="in_domain", metric=metric)
        outside = find(report, method="knobo", split="b", domain="shifted", metric=metric)
        gap = find(report, method="knobo", split="b", domain="gap", metric=metric)
        average = find(report, method="knobo", split="b", domain="average", metric=metric)
        assert gap.value == pytest.approx(inside.value - outside.value, abs=2e-6)
        assert average.value == pytest.approx((inside.value + outside.value) / 2, abs=2e-6)
        values = [
            find(report, method="knobo", split=split, domain="shifted", metric=metric).value for split in "ab"
        ]
        mean = find(report, method="knobo", split="mean", domain="shifted", metric=metric)
        assert mean.value == pytest.approx(np.mean(values), abs=2e-6)
        assert mean.n == 80


def test_the_gap_of_independent_domains_is_as_uncertain_as_both_together() -> None:
    split = make_split("wide", inside=400, outside=400, patients=False)
    predictions = [make_predictions(split, "knobo", skill=0.4, seeds=1)]
    report = audit(predictions, [split], settings=AuditSettings(replicates=2000))
    rows = {
        domain: find(report, split="wide", domain=domain, metric="accuracy")
        for domain in ("in_domain", "shifted", "gap", "average")
    }
    width = {domain: row.high - row.low for domain, row in rows.items()}
    both = np.hypot(width["in_domain"], width["shifted"])
    assert width["gap"] == pytest.approx(both, rel=0.08)
    assert width["average"] == pytest.approx(both / 2, rel=0.08)


def test_a_mean_over_many_splits_is_surer_than_one_of_them() -> None:
    splits = [make_split(f"s{n}", seed=n) for n in range(9)]
    predictions = [make_predictions(split, "knobo", skill=0.4) for split in splits]
    report = audit(predictions, splits, settings=QUICK)
    single = find(report, split="s0", domain="shifted", metric="accuracy")
    mean = find(report, split="mean", domain="shifted", metric="accuracy")
    assert mean.high - mean.low < 0.5 * (single.high - single.low)


def test_a_mean_over_copies_of_a_split_is_no_surer_than_that_split() -> None:
    split = make_split("a")
    own = [make_predictions(split, method, skill=0.4) for method in ("knobo", "fine_tune")]
    report = audit(
        [replace(each, split=name) for name in "abc" for each in own],
        [replace(split, name=name) for name in "abc"],
        settings=QUICK,
    )
    means = [replace(row, split="a") for row in report.rows if row.split == "mean"]
    assert means == [row for row in report.rows if row.split == "a"]
    assert {(row.domain, row.n) for row in means} == {
        ("in_domain", 60),
        ("shifted", 40),
        ("gap", 100),
        ("average", 100),
    }
    tests = [replace(test, p_holm=1, family="") for test in report.paired if test.test == "bootstrap"]
    paired = [replace(test, split="a") for test in tests if test.split == "mean"]
    assert paired == [test for test in tests if test.split == "a"]
    assert len(paired) == 12


def resampled_accuracy(right: np.ndarray, patients: np.ndarray, *, replicates: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    rows = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    draws = generator.integers(0, len(rows), size=(replicates, len(rows)))
    return np.array([right[np.concatenate([rows[number] for number in draw])].mean() for draw in draws])


def test_a_mean_over_splits_without_common_patients_is_that_of_independent_bootstraps() -> None:
    splits = [make_split(name, inside=200, outside=200, seed=n) for n, name in enumerate("abc")]
    predictions = [make_predictions(split, "knobo", skill=0.4, seeds=1) for split in splits]
    report = audit(predictions, splits, settings=AuditSettings(replicates=3000))
    row = find(report, split="mean", domain="shifted", metric="accuracy")
    simulated = []
    for seed, (split, own) in enumerate(zip(splits, predictions, strict=True)):
        right = own.of(split.shifted)[0].argmax(axis=1) == truth_of(split, split.shifted)
        patients = np.array([split.patient[image] for image in split.shifted])
        simulated.append(resampled_accuracy(right, patients, replicates=3000, seed=seed))
    low, high = np.quantile(np.mean(simulated, axis=0), [0.025, 0.975])
    assert row.high - row.low == pytest.approx(high - low, rel=0.08)
    assert row.low == pytest.approx(low, abs=0.006)
    assert row.high == pytest.approx(high, abs=0.006)
    assert row.n == 600


def test_a_mean_over_overlapping_splits_is_that_of_their_patients_drawn_once() -> None:
    whole = make_split("all", inside=20, outside=600)
    parts = {"a": whole.shifted[:400], "b": whole.shifted[200:]}
    splits = [replace(whole, name=name, shifted=ids) for name, ids in parts.items()]
    own = make_predictions(whole, "knobo", skill=0.4, seeds=1)
    predictions = [replace(own, split=name) for name in parts]
    report = audit(predictions, splits, settings=AuditSettings(replicates=3000))
    row = find(report, split="mean", domain="shifted", metric="accuracy")
    right = own.of(whole.shifted)[0].argmax(axis=1) == truth_of(whole, whole.shifted)
    pairs = right.reshape(300, 2).sum(axis=1)  # two images a patient
    counts = np.random.default_rng(1).multinomial(300, np.full(300, 1 / 300), size=3000)
    halves = [(counts[:, s] @ pairs[s]) / (2 * counts[:, s].sum(axis=1)) for s in (np.s_[:200], np.s_[100:])]
    low, high = np.quantile(np.mean(halves, axis=0), [0.025, 0.975])
    assert row.high - row.low == pytest.approx(high - low, rel=0.08)
    assert row.n == 600


def test_only_named_splits_enter_the_mean() -> None:
    splits, predictions, _ = small_audit()
    report = audit(predictions, splits, mean=["b"], settings=QUICK)
    mean = find(report, method="knobo", split="mean", domain="gap", metric="accuracy")
    alone = find(report, method="knobo", split="b", domain="gap", metric="accuracy")
    assert (mean.value, mean.low, mean.high, mean.n) == (alone.value, alone.low, alone.high, alone.n)


def test_a_plain_split_named_for_the_mean_does_not_take_its_shifted_domain() -> None:
    splits, predictions, report = small_audit()
    named = audit(predictions, splits, mean=["a", "b", "c"], notes=["A note."], settings=QUICK)
    assert named.rows == report.rows
    assert named.paired == report.paired
    assert "c has no shifted domain and does not enter the mean." in named.notes


def test_plain_splits_alone_have_a_mean_in_domain() -> None:
    splits = [make_split(name, outside=0, seed=n) for n, name in enumerate("ab")]
    predictions = [make_predictions(split, "knobo", skill=0.5) for split in splits]
    report = audit(predictions, splits, mean=["a", "b"], settings=QUICK)
    assert {(row.domain, row.n) for row in report.rows if row.split == "mean"} == {("in_domain", 120)}
    assert report.notes == ()


def test_a_plain_split_has_no_shifted_domain() -> None:
    _, _, report = small_audit()
    assert {row.domain for row in report.rows if row.split == "c"} == {"in_domain"}
    assert {row.domain for row in report.rows if row.split == "mean"} == {
        "in_domain",
        "shifted",
        "gap",
        "average",
    }


def test_paired_differences_are_surer_than_independent_ones() -> None:
    split = make_split("a", inside=300, outside=300, patients=False)
    generator = np.random.default_rng(0)
    base = make_predictions(split, "linear_probe", skill=0.5, seeds=1)
    flipped = base.probabilities.copy()
    rows = generator.random(len(base.ids)) < 0.05
    flipped[:, rows] = flipped[:, rows, ::-1]
    better = Predictions("knobo", split.name, (0,), base.ids, base.probabilities)
    worse = Predictions("linear_probe", split.name, (0,), base.ids, flipped)
    report = audit([better, worse], [split], settings=QUICK)
    (paired,) = [
        test
        for test in report.paired
        if (test.split, test.domain, test.metric, test.test) == ("a", "shifted", "accuracy", "bootstrap")
    ]
    own = find(report, method="knobo", split="a", domain="shifted", metric="accuracy")
    other = find(report, method="linear_probe", split="a", domain="shifted", metric="accuracy")
    assert (paired.method, paired.reference) == ("knobo", "linear_probe")
    assert paired.difference == pytest.approx(own.value - other.value, abs=2e-6)
    assert paired.high - paired.low < 0.6 * np.hypot(own.high - own.low, other.high - other.low)


def test_identical_methods_differ_by_nothing() -> None:
    split = make_split("a")
    one = make_predictions(split, "knobo", skill=0.5)
    same = Predictions("no_prior", one.split, one.seeds, one.ids, one.probabilities)
    report = audit([one, same], [split], settings=QUICK)
    assert {(test.difference, test.low, test.high) for test in report.paired} == {(0, 0, 0)}


def test_the_interval_does_not_depend_on_the_other_splits_or_methods() -> None:
    splits, predictions, report = small_audit()
    alone = audit([predictions[1]], [splits[1]], settings=QUICK)
    row = find(alone, split="b", domain="gap", metric="auroc")
    assert row == find(report, method="knobo", split="b", domain="gap", metric="auroc")


def test_fewer_seeds_are_noted_and_checks_handed_on() -> None:
    _, _, report = small_audit()
    assert report.notes == ("A note.", "fine_tune ran with 1 seed, others with 3.")
    assert report.checks[0] == ("a", "patient_overlap", True, "No overlap.")


def test_a_domain_with_one_class_has_a_note_instead_of_a_row() -> None:
    split = make_split("a")
    label = {**split.label, **dict.fromkeys(split.shifted, "yes")}
    single = DomainSplit(
        name="a",
        classes=split.classes,
        attribute="sex",
        train=(),
        validation=(),
        in_domain=split.in_domain,
        shifted=split.shifted,
        label=label,
        patient={},
        checks=(),
    )
    report = audit([make_predictions(single, "knobo", skill=0.5)], [single], settings=QUICK)
    metrics = {(row.domain, row.metric) for row in report.rows if row.split == "a"}
    assert ("shifted", "accuracy") in metrics
    assert ("shifted", "auroc") not in metrics
    assert ("gap", "auroc") not in metrics
    assert ("in_domain", "auroc") in metrics
    assert "auroc on a, shifted is not estimable: a class is missing." in report.notes


def test_why_a_domain_has_no_row_is_said() -> None:
    split = make_split("a", outside=0)
    for n, reason in (
        (2, "all its 2 images are of a single patient"),
        (1, "its only image is of a single patient"),
    ):
        ids = split.in_domain[:n]
        alone = replace(split, in_domain=ids, patient=dict.fromkeys(ids, "p"))
        report = audit([make_predictions(alone, "knobo", skill=0.5)], [alone], settings=QUICK)
        assert not report.rows
        assert f"accuracy on a, in_domain is not estimable: {reason}, which has no spread." in report.notes
    few = AuditSettings(replicates=1)
    report = audit([make_predictions(split, "knobo", skill=0.5)], [split], settings=few)
    reason = "fewer than two bootstrap replicates have a value"
    assert f"accuracy on a, in_domain is not estimable: {reason}." in report.notes


def test_predictions_that_are_no_numbers_are_refused() -> None:
    split = make_split("a")
    predictions = make_predictions(split, "knobo", skill=0.5)
    predictions.probabilities[1, :3, 0] = np.nan
    with pytest.raises(ModelsError, match=r"^knobo on a: 3 of \d+ probabilities are no finite numbers;"):
        replace(predictions, method="knobo")


def test_replicates_with_one_class_are_counted_in_a_note() -> None:
    split = make_split("a", outside=0, patients=False)
    ids = split.in_domain
    label = {**dict.fromkeys(ids, "no"), ids[0]: "yes"}
    rare = DomainSplit(
        name="a",
        classes=split.classes,
        attribute="",
        train=(),
        validation=(),
        in_domain=ids,
        shifted=(),
        label=label,
        patient={},
        checks=(),
    )
    report = audit([make_predictions(rare, "knobo", skill=0.5)], [rare], settings=QUICK)
    (note,) = [note for note in report.notes if note.startswith("auroc")]
    left_out = int(note.split(":")[1].split()[0])
    assert left_out == pytest.approx(
        300 * np.exp(-1), rel=0.2
    )  # (1 - 1/n)^n of the replicates miss one image


def test_a_saved_audit_reads_back_and_its_bytes_repeat(tmp_path: Path) -> None:
    splits, predictions, report = small_audit()
    report.save(tmp_path / "audit.json")
    assert AuditReport.load(tmp_path / "audit.json") == report
    audit(predictions, splits, notes=["A note."], settings=QUICK).save(tmp_path / "again.json")
    assert (tmp_path / "audit.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    content = json.loads((tmp_path / "audit.json").read_text())
    assert content["schema"] == 2
    names = {"method", "split", "domain", "metric", "value", "low", "high", "n", "seeds", "group", "seed_sd"}
    assert set(content["rows"][0]) == names
    assert all(row["value"] == round(row["value"], 6) for row in content["rows"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"value":0.5', '"value":NaN', "value in number 1 of rows is NaN, not a number"),
        ('"value":0.5', '"value":Infinity', "value in number 1 of rows is Infinity, not a number"),
        ('"value":0.5', '"value":null', "value in number 1 of rows is null, not a number"),
        ('"value":0.5', '"value":"0.9"', 'value in number 1 of rows is "0.9", not a number'),
        ('"value":0.5', '"value":true', "value in number 1 of rows is true, not a number"),
        ('"value":0.5', '"value":1' + "0" * 400, "value in number 1 of rows is 10+, not a number"),
        ('"n":40', '"n":40.5', "n in number 1 of rows is 40.5, not a whole number"),
        ('"method":"knobo"', '"method":7', "method in number 1 of rows is 7, not text"),
        ('"passed":false', '"passed":"no"', 'passed in number 1 of checks is "no", not true or false'),
        ('"notes": [', '"notes": "none", "rest": [', 'notes is "none", not a list'),
    ],
)
def test_a_value_that_is_none_of_its_kind_is_damage(tmp_path: Path, old: str, new: str, message: str) -> None:
    rows = (AuditRow("knobo", "one", "shifted", "accuracy", 0.5, 0.4, 0.6, 40, 5),)
    path = tmp_path / "audit.json"
    AuditReport(rows, (), (("one", "patient_overlap", False, "four"),), ("A note.",)).save(path)
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ModelsError, match=rf"audit\.json is damaged \({message}\); run the audit again"):
        AuditReport.load(path)


def test_predictions_survive_a_file(tmp_path: Path) -> None:
    _, predictions, _ = small_audit()
    write_predictions(tmp_path / "predictions.parquet", predictions)
    again = read_predictions(tmp_path / "predictions.parquet")
    assert [(each.method, each.split, each.seeds, each.ids) for each in again] == [
        (each.method, each.split, each.seeds, each.ids) for each in predictions
    ]
    for one, other in zip(again, predictions, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_mistakes_are_named(tmp_path: Path) -> None:
    splits, predictions, report = small_audit()
    with pytest.raises(ModelsError, match="'z', which is no split; choose from a, b, c"):
        audit(predictions, splits, mean=["z"], settings=QUICK)
    own = predictions[0]
    short = Predictions("knobo", "a", own.seeds, own.ids[:-7], own.probabilities[:, :-7])
    with pytest.raises(ModelsError, match="no prediction for 7 of 40 images of a"):
        audit([short], splits[:1], settings=QUICK)
    with pytest.raises(ModelsError, match="there is no audit"):
        AuditReport.load(tmp_path / "audit.json")
    with pytest.raises(ModelsError, match="no table of predictions"):
        read_predictions(tmp_path / "predictions.parquet")
    report.save(tmp_path / "audit.json")
    (tmp_path / "audit.json").write_text(
        (tmp_path / "audit.json").read_text().replace('"schema": 2', '"schema": 9')
    )
    with pytest.raises(ModelsError, match="no audit of schema 2"):
        AuditReport.load(tmp_path / "audit.json")
