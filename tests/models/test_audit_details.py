import csv
import json
from dataclasses import asdict, fields, replace
from itertools import product
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_curve
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from models.domains import DomainSplit
from models.evaluation.audit import AuditReport, AuditRow, AuditSettings, PairedTest, Predictions, audit
from models.evaluation.grouping import groups_of
from models.evaluation.measured import Measuring
from models.evaluation.measuring import domains_of, measure
from models.evaluation.metrics import auroc, brier
from models.evaluation.operating_points import operating_point, youden_threshold
from models.evaluation.paired import exact_mcnemar, holm, two_sided
from models.evaluation.prediction_table import predictions_table, write_prediction_table
from models.evaluation.report import ReliabilityCurve
from models.evaluation.seeds import averaged
from models.evaluation.spread import Ends, Scale, combined_ends, ends_of, standard_error
from models.evaluation.tails import added_to_auroc, added_to_brier, freedom

QUICK = AuditSettings(replicates=200)
IMAGES = 60  # of each of validation, in_domain and shifted


def make_split() -> DomainSplit:
    ids = [f"a/{row}" for row in range(3 * IMAGES)]
    labels = np.random.default_rng(5).integers(0, 2, size=len(ids))
    return DomainSplit(
        name="a",
        classes=("no", "yes"),
        attribute="site",
        train=(),
        validation=tuple(ids[:IMAGES]),
        in_domain=tuple(ids[IMAGES : 2 * IMAGES]),
        shifted=tuple(ids[2 * IMAGES :]),
        label={image: ("no", "yes")[label] for image, label in zip(ids, labels, strict=True)},
        patient={image: f"secret-{row // 2}" for row, image in enumerate(ids)},
        checks=(),
    )


def attributes_of(split: DomainSplit) -> dict[str, dict[str, str]]:
    """Sex by turns; the site goes with the class in domain, and against it when shifted."""
    found = {}
    for row, image in enumerate(split.ids):
        aligned = (split.label[image] == "yes") == (image not in split.shifted)
        found[image] = {"sex": "FM"[row % 2], "site": "new" if aligned else "old", "rare": "x"}
    found[split.shifted[0]]["rare"] = "y"
    return found


def make_predictions(split: DomainSplit, method: str, *, seeds: int = 2, skill: float = 0.5) -> Predictions:
    generator = np.random.default_rng(len(method))
    truth = split.targets(split.ids)
    yes = (generator.random((seeds, len(truth))) + skill * truth) / (1 + skill)
    return Predictions(method, "a", tuple(range(seeds)), split.ids, np.stack([1 - yes, yes], axis=2))


@pytest.fixture(scope="module")
def audited() -> tuple[DomainSplit, Predictions, AuditReport]:
    split = make_split()
    own = make_predictions(split, "knobo")
    others = [make_predictions(split, name) for name in ("linear_probe", "no_prior")]
    report = audit([own, *others], [split], attributes=attributes_of(split), settings=QUICK)
    return split, own, report


def test_numbers_of_a_group_are_those_of_its_images(
    audited: tuple[DomainSplit, Predictions, AuditReport],
) -> None:
    split, own, report = audited
    known = attributes_of(split)
    women = [image for image in split.shifted if known[image]["sex"] == "F"]
    labels = split.targets(women)
    expected = {
        "accuracy": np.mean([(one.argmax(axis=1) == labels).mean() for one in own.of(women)]),
        "brier": np.mean([brier_score_loss(labels, one[:, 1]) for one in own.of(women)]),
    }
    for metric, value in expected.items():
        (row,) = [
            row
            for row in report.rows
            if (row.method, row.split, row.domain, row.metric, row.group)
            == ("knobo", "a", "shifted", metric, "sex=F")
        ]
        assert row.value == pytest.approx(value, abs=1e-6)
        assert row.n == len(women)
        assert row.low < row.value < row.high


def test_the_worst_group_is_the_lowest_and_named(
    audited: tuple[DomainSplit, Predictions, AuditReport],
) -> None:
    report = audited[2]
    for domain in ("in_domain", "shifted"):
        own = [row for row in report.rows if (row.method, row.split, row.domain) == ("knobo", "a", domain)]
        groups = {row.group: row for row in own if row.group and row.metric == "accuracy"}
        (worst,) = [row for row in own if row.metric == "worst_group_accuracy"]
        assert worst.value == min(row.value for row in groups.values()) == groups[worst.group].value
        assert worst.n == groups[worst.group].n
        assert worst.low == min(row.low for row in groups.values())
        assert worst.high > worst.value
        assert set(groups) == {"sex=F", "sex=M", "site=new", "site=old"}


def test_cells_of_class_and_site_are_looked_at_in_both_domains_together(
    audited: tuple[DomainSplit, Predictions, AuditReport],
) -> None:
    split, own, report = audited
    known, both = attributes_of(split), (*split.in_domain, *split.shifted)
    values = {}
    for label, site in product(split.classes, ("new", "old")):
        ids = [image for image in both if (split.label[image], known[image]["site"]) == (label, site)]
        hits = [(one.argmax(axis=1) == split.targets(ids)).mean() for one in own.of(ids)]
        values[f"site={site}, {label}"] = float(np.mean(hits))
    (row,) = [
        row for row in report.rows if (row.method, row.domain) == ("knobo", "pooled") and "," in row.group
    ]
    assert row.group == min(values, key=values.__getitem__)
    assert row.value == pytest.approx(min(values.values()), abs=1e-6)


def test_equalised_odds_are_the_largest_difference_of_a_rate(
    audited: tuple[DomainSplit, Predictions, AuditReport],
) -> None:
    split, own, report = audited
    known = attributes_of(split)
    rates = []
    for number in (0, 1):
        of_sex = []
        for sex in "FM":
            ids = [
                image
                for image in split.shifted
                if known[image]["sex"] == sex and split.label[image] == split.classes[number]
            ]
            of_sex.append(np.mean([(one.argmax(axis=1) == 1).mean() for one in own.of(ids)]))
        rates.append(abs(of_sex[0] - of_sex[1]))
    (row,) = [
        row
        for row in report.rows
        if (row.method, row.split, row.domain, row.metric, row.group)
        == ("knobo", "a", "shifted", "equalised_odds_difference", "sex")
    ]
    assert row.value == pytest.approx(max(rates), abs=1e-6)
    assert 0 <= row.low <= row.value <= row.high <= 1


def test_small_groups_and_names_of_images_make_no_groups() -> None:
    split = make_split()
    known = attributes_of(split)
    for row, image in enumerate(split.shifted):
        known[image] = {**known[image], "number": str(row), "size": "small" if row < 9 else "large"}
    assert [group.name for group in groups_of(split, split.shifted, known)] == [
        "site=new",
        "site=old",
        "sex=F",
        "sex=M",
    ]


def test_the_threshold_comes_from_validation_images_alone(
    audited: tuple[DomainSplit, Predictions, AuditReport],
) -> None:
    split, own, report = audited
    labels, scores = split.targets(split.validation), own.of(split.validation)[:, :, 1]
    point = operating_point(split, own)
    for threshold, one in zip(point.values, scores, strict=True):
        false, true, _ = roc_curve(labels, one, drop_intermediate=False)
        decided = one >= threshold
        youden = decided[labels == 1].mean() - decided[labels == 0].mean()
        assert youden == pytest.approx(np.max(true - false))
    (told,) = [row for row in report.thresholds if row.method == "knobo"]
    assert (told.value, told.source) == (pytest.approx(np.mean(point.values), abs=1e-6), "validation")
    shown, shifted = own.of(split.shifted)[:, :, 1], split.targets(split.shifted)
    expected = np.mean(
        [(one[shifted == 1] >= cut).mean() for one, cut in zip(shown, point.values, strict=True)]
    )
    (row,) = [
        row
        for row in report.rows
        if (row.method, row.split, row.domain, row.metric, row.group)
        == ("knobo", "a", "shifted", "sensitivity", "")
    ]
    assert row.value == pytest.approx(expected, abs=1e-6)


def test_without_predictions_on_validation_images_the_threshold_is_a_half() -> None:
    split = make_split()
    own = make_predictions(split, "knobo")
    reported = (*split.in_domain, *split.shifted)
    short = replace(own, ids=reported, probabilities=own.of(reported))
    assert operating_point(split, short).source == "default"
    assert operating_point(split, short).values == (0.5, 0.5)
    assert youden_threshold(np.array([True, True, False]), np.array([0.9, 0.8, 0.1])) == pytest.approx(0.45)


def test_curves_say_what_was_counted(audited: tuple[DomainSplit, Predictions, AuditReport]) -> None:
    split, own, report = audited
    (curve,) = [c for c in report.reliability if (c.method, c.domain) == ("knobo", "shifted")]
    labels, shown = split.targets(split.shifted), own.of(split.shifted)[:, :, 1]
    assert sum(curve.n) == shown.size
    assert np.average(curve.confidence, weights=curve.n) == pytest.approx(shown.mean(), abs=1e-4)
    assert np.average(curve.observed, weights=curve.n) == pytest.approx(labels.mean(), abs=1e-4)
    (decision,) = [c for c in report.decisions if (c.method, c.domain) == ("knobo", "shifted")]
    place = decision.threshold.index(0.3)
    benefits = [
        ((one >= 0.3) & (labels == 1)).mean() - ((one >= 0.3) & (labels == 0)).mean() * 0.3 / 0.7
        for one in shown
    ]
    assert decision.net_benefit[place] == pytest.approx(np.mean(benefits), abs=1e-4)
    assert decision.treat_all[place] == pytest.approx(
        labels.mean() - (1 - labels.mean()) * 0.3 / 0.7, abs=1e-4
    )
    assert {c.method for c in report.decisions} == {"knobo", "linear_probe"}


def test_with_one_image_a_patient_and_one_seed_the_exact_test_is_mcnemars() -> None:
    generator = np.random.default_rng(0)
    for size in (1, 12, 90):
        first, second = generator.integers(0, 2, size=(2, size))
        table = [[np.sum((first == a) & (second == b)) for b in (1, 0)] for a in (1, 0)]
        expected = mcnemar(np.array(table), exact=True).pvalue
        found = exact_mcnemar(first[None], second[None], units=[str(row) for row in range(size)])
        assert found == pytest.approx(expected, abs=1e-9)


def test_the_exact_test_counts_every_exchange_of_two_methods_for_a_patient() -> None:
    generator = np.random.default_rng(3)
    first, second = generator.integers(0, 2, size=(2, 20)), generator.integers(0, 2, size=(3, 20))
    patients = generator.integers(0, 8, size=20)
    balance = first.mean(axis=0) - second.mean(axis=0)
    sums = np.array([balance[patients == number].sum() for number in range(8)])
    signs = np.array(list(product([-1, 1], repeat=8)))
    expected = np.mean(np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9)
    found = exact_mcnemar(first, second, units=[str(number) for number in patients])
    assert found == pytest.approx(expected, abs=1e-9)


def test_holm_is_that_of_statsmodels() -> None:
    p = np.random.default_rng(1).random(20) ** 3
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)


def test_every_test_has_a_family_and_a_corrected_p(
    audited: tuple[DomainSplit, Predictions, AuditReport],
) -> None:
    tests = audited[2].paired
    for family in {test.family for test in tests}:
        own = [test for test in tests if test.family == family]
        expected = multipletests([test.p for test in own], method="holm")[1]
        np.testing.assert_allclose([test.p_holm for test in own], expected, rtol=2e-2)
    assert {test.test for test in tests} == {"bootstrap", "mcnemar"}
    assert all(
        (test.p < 0.05) == (test.low > 0 or test.high < 0) for test in tests if test.test == "bootstrap"
    )


def test_p_of_a_difference_is_students() -> None:
    assert two_sided(0.2, 0.1, 30) == pytest.approx(2 * stats.t.sf(2, 29))
    assert two_sided(0.0, 0.0, 30) == 1
    assert two_sided(0.2, 0.0, 5) == 1 / 16


def test_a_share_without_spread_has_wilsons_interval() -> None:
    found = ends_of(np.ones(101), units=2000, scale=Scale.SHARE)
    low, high = proportion_confint(2000, 2000, method="wilson")
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == pytest.approx(high, abs=1e-5)


def test_an_interval_of_a_share_is_students_on_the_logit() -> None:
    values = np.r_[0.9, 0.9 + 0.02 * stats.norm.ppf((np.arange(4000) + 0.5) / 4000)]
    found = ends_of(values, units=50, scale=Scale.SHARE)
    half = stats.t.ppf(0.975, 49) * 0.02 * np.sqrt(50 / 49) / (0.9 * 0.1)
    expected = [1 / (1 + np.exp(-(np.log(9) + side * half))) for side in (-1, 1)]
    np.testing.assert_allclose([found.low, found.high], expected, atol=1e-4)


def test_a_number_that_few_patients_make_has_few_degrees_of_freedom() -> None:
    """A patient that is left out changes a number by what it adds."""
    generator = np.random.default_rng(2)
    number = np.arange(300) // 3
    labels = generator.integers(0, 3, size=300)
    probabilities = generator.dirichlet(np.ones(3), size=(2, 300))
    every = np.ones((1, 300))
    for metric, added in ((brier, added_to_brier), (auroc, added_to_auroc)):
        own = added(labels, probabilities)
        for patient in (0, 57):
            weights = every - 0.001 * (number == patient)
            change = [
                metric(labels, one, weights)[0] - metric(labels, one, every)[0] for one in probabilities
            ]
            share = 1 if metric is auroc else 1 / 300
            assert -0.001 * share * own[number == patient].sum() == pytest.approx(np.mean(change), rel=0.01)
    assert freedom(np.resize([1.0, -1.0], 300), np.arange(300)) == pytest.approx(2 * 300 / 0.5)
    normal = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    assert freedom(normal, np.arange(20_000)) == pytest.approx(20_000, rel=0.01)
    few = np.r_[np.ones(5), np.zeros(295)]
    assert freedom(few, np.arange(300)) == pytest.approx(600 / (stats.kurtosis(few, fisher=False) - 1))


def test_intervals_of_uneven_numbers_are_students_with_fewer_degrees_of_freedom() -> None:
    split = make_split()
    predictions = make_predictions(split, "knobo")
    predictions.probabilities[:] = np.where(predictions.probabilities > 0.5, 0.99, 0.01)
    (whole, *_) = domains_of(split, [predictions], settings=Measuring(200))
    ((_, curve),) = measure(whole, ["brier"])
    squares = added_to_brier(whole.labels, whole.probabilities[0])
    few = freedom(squares, whole.draws.number)
    assert few < curve.units - 1
    value, error = curve.values[0], standard_error(curve.values, units=curve.units)
    half = stats.t.ppf(0.975, few) * error / (value * (1 - value))
    assert curve.ends.high == pytest.approx(1 / (1 + np.exp(-(np.log(value / (1 - value)) + half))))


def test_an_interval_of_a_difference_is_made_of_those_of_its_parts() -> None:
    generator = np.random.default_rng(0)
    draws = generator.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=50_000).T
    values = [np.r_[0.0, each] for each in draws]
    found = combined_ends(values, [Ends(-1, 2), Ends(-1, 2)], (1, -1))
    assert found.low == pytest.approx(-np.sqrt(1 + 4 - 2 * 0.6 * 1 * 2), abs=0.02)
    assert found.high == pytest.approx(np.sqrt(4 + 1 - 2 * 0.6 * 2 * 1), abs=0.02)
    assert combined_ends(values[:1] * 3, [Ends(-1, 2)] * 3, [1 / 3] * 3) == Ends(
        pytest.approx(-1), pytest.approx(2)
    )


def test_seeds_add_what_they_vary_beyond_the_chance_of_few_images() -> None:
    generator = np.random.default_rng(0)
    common = generator.normal(size=20_000) * 0.01
    apart = np.array([0.7, 0.8, 0.9])[:, None]
    values = np.concatenate([apart, apart + common], axis=1)
    found = averaged(values, seed=0)
    stretch = stats.t.ppf(0.975, 2) / stats.norm.ppf(0.975)
    assert found[0] == pytest.approx(0.8)
    assert found[1:].std() == pytest.approx(np.hypot(0.01, stretch * 0.1 / np.sqrt(3)), rel=0.03)
    alike = np.concatenate([np.full((3, 1), 0.8), 0.8 + np.tile(common, (3, 1))], axis=1)
    np.testing.assert_allclose(averaged(alike, seed=0), alike[0])


def test_the_table_of_predictions_names_groups_and_no_patient(tmp_path: Path) -> None:
    split = make_split()
    own = make_predictions(split, "knobo")
    known = {image: {"sex": each["sex"]} for image, each in attributes_of(split).items()}
    table = predictions_table([own], [split], known)
    write_prediction_table(table, csv=tmp_path / "p.csv", parquet=tmp_path / "p.parquet")
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == own.probabilities.shape[0] * len(own.ids)
    assert pq.read_table(tmp_path / "p.parquet").equals(table)
    assert "secret" not in (tmp_path / "p.csv").read_text()
    last, image = rows[-1], own.ids[-1]
    expected = own.probabilities[-1, -1]
    assert (last["id"], last["domain"], last["seed"], last["sex"]) == (
        image,
        "shifted",
        "1",
        known[image]["sex"],
    )
    assert float(last["probability: yes"]) == pytest.approx(expected[1], abs=1e-6)
    assert (last["correct"] == "true") == (split.label[image] == split.classes[int(expected.argmax())])


def test_the_published_schema_is_that_of_the_file(
    audited: tuple[DomainSplit, Predictions, AuditReport], tmp_path: Path
) -> None:
    report = audited[2]
    report.save(tmp_path / "audit.json")
    assert AuditReport.load(tmp_path / "audit.json") == report
    content = json.loads((tmp_path / "audit.json").read_text())
    schema = json.loads((Path(__file__).parents[2] / "docs" / "audit.schema.json").read_text())
    jsonschema.validate(content, schema)
    for name, kind in (("rows", AuditRow), ("paired", PairedTest), ("reliability", ReliabilityCurve)):
        assert list(schema["properties"][name]["items"]["properties"]) == [f.name for f in fields(kind)]
    assert content["rows"][0] == asdict(report.rows[0])
