import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler, normalize
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from models.errors import ModelsError
from models.evaluation.intervals import bootstrap_weights
from models.features.table import FeatureTable
from models.grounding import Calibration, Grounder, GroundingSettings, assign_folds, fit_grounders, separation
from models.grounding import quality as quality_module
from models.grounding.answers import tabulate
from models.grounding.concept_records import ConceptQuality, Inseparable
from models.grounding.layer import tell_unsettled
from models.grounding.quality import measure
from models.logistic import Design, fit_logistic
from models.scaling import Scaling, ScalingKind

QUICK = GroundingSettings(replicates=200)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The problems are so small that a second thread only waits, on a busy machine for long."""
    with threadpool_limits(1):
        yield


def make_table(rows: int, columns: int, *, seed: int = 0) -> FeatureTable:
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(columns, columns)) * np.geomspace(1, 0.01, columns)
    values = (generator.normal(size=(rows, columns)) @ mixing + 3).astype(np.float32)
    return FeatureTable(tuple(f"i{n}" for n in range(rows)), tuple(map(str, range(columns))), values)


def make_answers(table: FeatureTable, concepts: int, *, unknown: float = 0.2, seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    x = StandardScaler().fit_transform(table.values)
    logits = x @ generator.normal(size=(x.shape[1], concepts)) / np.sqrt(x.shape[1])
    noisy = logits + 0.5 * generator.normal(size=logits.shape)
    shares = np.linspace(0.4, 0.8, concepts)
    bounds = [np.quantile(column, share) for column, share in zip(noisy.T, shares, strict=True)]
    answers = (noisy > bounds).astype(np.float32)
    answers[generator.random(answers.shape) < unknown] = np.nan
    return np.asarray(answers)


def names(count: int) -> list[str]:
    return [f"c{n}" for n in range(count)]


@pytest.mark.parametrize(("rows", "columns"), [(200, 30), (90, 150)])
@pytest.mark.parametrize("scaling", [ScalingKind.STANDARD, ScalingKind.UNIT])
def test_every_coefficient_is_that_of_scikit_learn(rows: int, columns: int, scaling: ScalingKind) -> None:
    table = make_table(rows, columns)
    answers = make_answers(table, 4)
    settings = GroundingSettings(replicates=20, scaling=scaling, minimum=5)
    grounder = fit_grounders(table, answers, concept_ids=names(4), settings=settings)
    x = table.values.astype(float)
    x = StandardScaler().fit_transform(x) if scaling is ScalingKind.STANDARD else normalize(x)
    for row, answer in enumerate(answers.T):
        known = ~np.isnan(answer)
        reference = LogisticRegression(C=1, class_weight="balanced", tol=1e-10, max_iter=20_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reference.fit(x[known], answer[known])
        np.testing.assert_allclose(grounder.weight[row], reference.coef_[0], atol=1e-3)
        assert grounder.bias[row] == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_without_balancing_and_with_another_penalty_it_still_agrees() -> None:
    table = make_table(150, 20)
    answers = make_answers(table, 2, unknown=0)
    settings = GroundingSettings(C=0.1, balanced=False, replicates=20)
    grounder = fit_grounders(table, answers, concept_ids=names(2), settings=settings)
    x = StandardScaler().fit_transform(table.values.astype(float))
    for row, answer in enumerate(answers.T):
        reference = LogisticRegression(C=0.1, tol=1e-10, max_iter=10_000).fit(x, answer)
        np.testing.assert_allclose(grounder.weight[row], reference.coef_[0], atol=1e-3)


@pytest.mark.parametrize("balanced", [True, False])
def test_a_row_weight_counts_like_so_many_copies_of_the_image(*, balanced: bool) -> None:
    table = make_table(150, 20)
    answers = make_answers(table, 2)
    copies = np.random.default_rng(0).integers(0, 4, answers.shape)
    settings = GroundingSettings(replicates=20, balanced=balanced)
    grounder = fit_grounders(
        table, answers, concept_ids=names(2), row_weights=copies.astype(float), settings=settings
    )
    x = StandardScaler().fit_transform(table.values.astype(float))
    for row, answer in enumerate(answers.T):
        repeated = np.repeat(np.arange(150), np.where(np.isnan(answer), 0, copies[:, row]))
        reference = LogisticRegression(
            class_weight="balanced" if balanced else None, tol=1e-10, max_iter=20_000
        )
        reference.fit(x[repeated], answer[repeated])
        np.testing.assert_allclose(grounder.weight[row], reference.coef_[0], atol=1e-3)
        assert grounder.quality[row].n_yes == np.nansum(answer)


@pytest.mark.parametrize("balanced", [True, False])
def test_a_probability_counts_as_so_much_of_a_yes_and_the_rest_of_a_no(*, balanced: bool) -> None:
    table = make_table(150, 20)
    answers = np.random.default_rng(3).beta(0.4, 0.8, size=(150, 2))
    answers[::7, 0] = np.nan
    settings = GroundingSettings(replicates=20, soft=True, balanced=balanced)
    grounder = fit_grounders(table, answers, concept_ids=names(2), settings=settings)
    x = StandardScaler().fit_transform(table.values.astype(float))
    for row, answer in enumerate(answers.T):
        use = ~np.isnan(answer)
        share, twice = answer[use], np.concatenate([x[use], x[use]])
        yes_weight, no_weight = (len(share) / (2 * side.sum()) for side in (share, 1 - share))
        weights = [share * yes_weight, (1 - share) * no_weight] if balanced else [share, 1 - share]
        reference = LogisticRegression(tol=1e-10, max_iter=20_000)
        reference.fit(twice, np.repeat([1, 0], len(share)), sample_weight=np.concatenate(weights))
        np.testing.assert_allclose(grounder.weight[row], reference.coef_[0], atol=1e-3)
        assert grounder.bias[row] == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_equal_size_learns_from_as_many_yes_as_no_whatever_other_concepts_there_are() -> None:
    table = make_table(200, 10)
    answers = make_answers(table, 3)
    settings = GroundingSettings(replicates=20, equal_size=30)
    kept, _ = tabulate(answers, None, concept_ids=names(3), settings=settings)
    assert (kept.counts * kept.yes).sum(axis=1).tolist() == [30, 30, 30]
    assert (kept.counts * ~kept.yes).sum(axis=1).tolist() == [30, 30, 30]
    assert not (kept.counts * ~kept.known).any()
    few, _ = tabulate(
        answers, None, concept_ids=names(3), settings=GroundingSettings(equal_size=1000, minimum=5)
    )
    rarer = np.minimum(np.nansum(answers, axis=0), np.nansum(1 - answers, axis=0))
    np.testing.assert_array_equal(few.counts.sum(axis=1), 2 * rarer)
    together = fit_grounders(table, answers, concept_ids=names(3), settings=settings)
    alone = fit_grounders(table, answers[:, 1:2], concept_ids=["c1"], settings=settings)
    np.testing.assert_allclose(together.weight[1], alone.weight[0], atol=1e-3)
    assert together.quality[1].n_yes == np.nansum(answers[:, 1])


def test_a_concept_does_not_depend_on_those_that_were_fitted_before_it() -> None:
    table = make_table(300, 20)
    answers, _ = tabulate(make_answers(table, 6), None, concept_ids=names(6), settings=QUICK)
    targets, weights = answers.problems(QUICK)
    weights *= np.geomspace(0.5, 2, 6, dtype=np.float32)[:, None]
    design = Design.of(table.values)
    last = fit_logistic(design, targets[5:], weights[5:])
    for others in (slice(0, 1), slice(2, 5)):
        other = Design.of(table.values)
        fit_logistic(other, targets[others], weights[others])
        np.testing.assert_array_equal(fit_logistic(other, targets[5:], weights[5:]), last)
    together = fit_logistic(design, targets, weights)
    np.testing.assert_allclose(together[5], last[0], atol=3e-4)


def test_fits_that_do_not_settle_are_refused_and_held_out_ones_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = make_table(150, 20)
    answers, _ = tabulate(make_answers(table, 3), None, concept_ids=names(3), settings=QUICK)
    design, problems = Design.of(table.values), answers.problems(QUICK)
    with pytest.raises(ModelsError, match=r"3 of 3 concepts .* after 2 steps; lower C"):
        fit_logistic(design, *problems, maximum=2)
    fit_logistic(design, *problems, maximum=2, unsettled=tell_unsettled)
    assert "3 of 3 held-out fits of concepts did not settle in 2 steps" in caplog.text
    caplog.clear()
    fit_logistic(design, *problems, unsettled=tell_unsettled)
    assert not caplog.text


def test_going_on_where_rounding_allows_no_step_any_more_does_no_harm() -> None:
    table = make_table(150, 30)
    answers = make_answers(table, 4, unknown=0).T
    design = Design.of(StandardScaler().fit_transform(table.values.astype(float)))
    weights = np.full(answers.shape, 0.001)
    told: list[tuple[int, int, int]] = []
    places = [
        fit_logistic(design, answers, weights, tolerance=tolerance, unsettled=lambda *n: told.append(n))
        for tolerance in (1e-5, 1e-12)
    ]
    np.testing.assert_allclose(places[1], places[0], atol=1e-4)


def test_a_case_that_rounding_can_spoil_is_finished_in_double_precision() -> None:
    table = make_table(150, 12)
    answers = make_answers(table, 2, unknown=0)
    settings = GroundingSettings(C=1000, scaling=ScalingKind.NONE, replicates=20)
    grounder = fit_grounders(table, answers, concept_ids=names(2), settings=settings)
    x = table.values.astype(float)
    for row, answer in enumerate(answers.T):
        reference = LogisticRegression(C=1000, class_weight="balanced", solver="newton-cholesky", tol=1e-12)
        reference.fit(x, answer)
        np.testing.assert_allclose(grounder.weight[row], reference.coef_[0], atol=1e-3)


def test_concepts_that_the_answers_do_not_tell_apart_are_named() -> None:
    generator = np.random.default_rng(0)
    answers = generator.integers(0, 2, size=(300, 6)).astype(np.float32)
    answers[:, 3] = answers[:, 0]
    answers[:150, 3] = np.nan
    answers[:, 4] = np.where(np.arange(300) < 4, 1 - answers[:, 0], answers[:, 0])
    answers[:100, 5], answers[100:, 5] = answers[:100, 1], np.nan
    answers[:95, 1] = np.nan  # five images of both: too few to say
    table = make_table(300, 5)
    grounder = fit_grounders(table, answers, concept_ids=names(6), settings=QUICK)
    assert grounder.inseparable == (Inseparable(("c0", "c3", "c4"), n_both=150, n_differ=4),)
    settings = GroundingSettings(replicates=20, minimum=3)
    groups = fit_grounders(table, answers, concept_ids=names(6), settings=settings).inseparable
    assert [each.concept_ids for each in groups] == [("c0", "c3", "c4"), ("c1", "c5")]
    kept = grounder.subset(["c4", "c1", "c0"]).inseparable
    assert [each.concept_ids for each in kept] == [("c0", "c4")]
    assert grounder.subset(["c4", "c1"]).inseparable == ()


def test_comparing_concepts_in_blocks_is_comparing_them_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separation, "BLOCK", 7)
    answers = np.random.default_rng(1).choice([0, 1, np.nan], size=(60, 5))
    settings = GroundingSettings(minimum=1)
    table, _ = tabulate(answers, None, concept_ids=names(5), settings=settings)
    both, differ = separation.compare(table)
    for one in range(5):
        for other in range(5):
            known = ~np.isnan(answers[:, one]) & ~np.isnan(answers[:, other])
            assert both[one, other] == known.sum()
            assert differ[one, other] == (answers[known, one] != answers[known, other]).sum()


def test_quality_does_not_depend_on_how_many_replicates_are_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = np.random.default_rng(0)
    logits, yes = generator.normal(size=(2, 80)), generator.random((2, 80)) < 0.4
    known, units = generator.random((2, 80)) < 0.8, [f"p{number // 3}" for number in range(80)]

    def measured() -> tuple[ConceptQuality, ...]:
        options: dict[str, Any] = {"concept_ids": names(2), "units": units, "replicates": 60, "seed": 4}
        return measure(logits, yes, known, decisive=logits, **options)

    whole = measured()
    monkeypatch.setattr(quality_module, "CELLS", 500)
    parts = measured()
    assert whole == parts
    weights = bootstrap_weights(units, replicates=60, generator=np.random.default_rng(4))
    for row, quality in enumerate(whole):
        use = known[row]
        draws = [
            roc_auc_score(yes[row, use], logits[row, use], sample_weight=weighted[use])
            for weighted in weights[1:]
        ]
        low, high = np.quantile(draws, [0.025, 0.975])
        assert (quality.auroc_low, quality.auroc_high) == pytest.approx((low, high))


def test_held_out_scores_are_those_of_a_fit_without_the_fold() -> None:
    table = make_table(150, 40)
    answers = make_answers(table, 3)
    groups = [f"p{n // 2}" for n in range(150)]
    grounder = fit_grounders(table, answers, concept_ids=names(3), groups=groups, settings=QUICK)
    folds = assign_folds(groups, count=5, seed=0)
    x = StandardScaler().fit_transform(table.values.astype(float))
    for row, answer in enumerate(answers.T):
        for fold in range(5):
            use = ~np.isnan(answer) & (folds != fold)
            reference = LogisticRegression(class_weight="balanced", tol=1e-9, max_iter=10_000)
            expected = reference.fit(x[use], answer[use]).predict_proba(x[folds == fold])[:, 1]
            np.testing.assert_allclose(grounder.out_of_fold.values[folds == fold, row], expected, atol=5e-3)


def test_folds_keep_patients_together_and_are_of_like_size() -> None:
    groups = [f"p{n}" for n in np.random.default_rng(0).integers(0, 60, size=300)]
    folds = assign_folds(groups, count=5, seed=3)
    assert all(len({folds[row] for row in range(300) if groups[row] == group}) == 1 for group in groups)
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 10


def test_quality_is_that_of_the_held_out_scores() -> None:
    table = make_table(200, 30)
    answers = make_answers(table, 3)
    grounder = fit_grounders(table, answers, concept_ids=names(3), settings=QUICK)
    for row, quality in enumerate(grounder.quality):
        known = ~np.isnan(answers[:, row])
        scores = grounder.out_of_fold.values[known, row]
        assert quality.concept_id == grounder.concept_ids[row]
        assert quality.n_yes == np.nansum(answers[:, row])
        assert quality.n_yes + quality.n_no == known.sum()
        assert quality.auroc == pytest.approx(roc_auc_score(answers[known, row], scores), abs=1e-6)
        assert quality.auroc_low < quality.auroc < quality.auroc_high
        assert quality.balanced_accuracy_low < quality.balanced_accuracy < quality.balanced_accuracy_high


@pytest.mark.parametrize("calibration", Calibration)
def test_balanced_accuracy_is_that_at_one_half_of_the_held_out_probabilities(
    calibration: Calibration,
) -> None:
    table = make_table(400, 20)
    answers = make_answers(table, 5, unknown=0)
    settings = GroundingSettings(replicates=20, calibration=calibration)
    grounder = fit_grounders(table, answers, concept_ids=names(5), settings=settings)
    for answer, scores, quality in zip(
        answers.T, grounder.out_of_fold.values.T, grounder.quality, strict=True
    ):
        expected = balanced_accuracy_score(answer, scores >= 0.5)
        assert quality.balanced_accuracy == pytest.approx(expected)


def test_answers_that_mean_nothing_have_an_interval_around_one_half() -> None:
    table = make_table(300, 20)
    answers = np.random.default_rng(5).integers(0, 2, size=(300, 5)).astype(np.float32)
    grounder = fit_grounders(table, answers, concept_ids=names(5), settings=QUICK)
    covered = [each.auroc_low < 0.5 < each.auroc_high for each in grounder.quality]
    assert sum(covered) >= 4


def test_unknown_answers_change_nothing() -> None:
    table = make_table(120, 10)
    answers = make_answers(table, 1, unknown=0)
    answers[80:] = np.nan
    settings = GroundingSettings(scaling=ScalingKind.NONE, replicates=20)
    whole = fit_grounders(table, answers, concept_ids=names(1), settings=settings)
    part = FeatureTable(table.ids[:80], table.columns, table.values[:80])
    alone = fit_grounders(part, answers[:80], concept_ids=names(1), settings=settings)
    np.testing.assert_allclose(whole.weight, alone.weight, atol=1e-3)


def test_concepts_with_too_few_answers_of_one_kind_are_named_and_left_out() -> None:
    table = make_table(100, 10)
    answers = make_answers(table, 3, unknown=0)
    answers[:, 1] = 0
    answers[:4, 1] = 1
    grounder = fit_grounders(table, answers, concept_ids=names(3), settings=QUICK)
    assert grounder.concept_ids == ("c0", "c2")
    assert [(each.concept_id, each.n_yes, each.n_no) for each in grounder.ungrounded] == [("c1", 4, 96)]


def test_the_best_are_those_with_the_highest_lower_end_in_their_former_order() -> None:
    table = make_table(200, 20)
    answers = make_answers(table, 6)
    answers[:, 2] = np.random.default_rng(0).integers(0, 2, 200)
    grounder = fit_grounders(table, answers, concept_ids=names(6), settings=QUICK)
    best = grounder.best(3)
    lows = {each.concept_id: each.auroc_low for each in grounder.quality}
    assert set(best.concept_ids) == set(sorted(lows, key=lows.__getitem__)[-3:])
    assert list(best.concept_ids) == sorted(best.concept_ids)
    expected = grounder.score(table).values[:, [int(name[1:]) for name in best.concept_ids]]
    np.testing.assert_array_equal(best.score(table).values, expected)
    assert best.out_of_fold.columns == best.concept_ids


def test_calibrated_probabilities_are_right_on_average_and_keep_their_order() -> None:
    table = make_table(400, 20)
    answers = make_answers(table, 5, unknown=0)
    plain = fit_grounders(table, answers, concept_ids=names(5), settings=QUICK)
    settings = GroundingSettings(replicates=20, calibration=Calibration.PLATT)
    platt = fit_grounders(table, answers, concept_ids=names(5), settings=settings)
    prevalence = answers.mean(axis=0)
    np.testing.assert_allclose(platt.out_of_fold.values.mean(axis=0), prevalence, atol=0.01)
    assert plain.out_of_fold.values[:, 4].mean() > prevalence[4] + 0.05
    for row in range(5):
        before, after = plain.score(table).values[:, row], platt.score(table).values[:, row]
        assert np.diff(after[np.argsort(before)]).min() > -1e-6


def test_calibration_makes_images_that_were_never_seen_more_reliable() -> None:
    table = make_table(1600, 20)
    answers = make_answers(table, 5, unknown=0)
    train, rest = slice(0, 800), slice(800, 1600)
    part = FeatureTable(table.ids[train], table.columns, table.values[train])

    def reliability(calibration: Calibration) -> np.ndarray:
        settings = GroundingSettings(replicates=20, calibration=calibration)
        grounder = fit_grounders(part, answers[train], concept_ids=names(5), settings=settings)
        scores = grounder.probabilities(table.values[rest])
        gaps = []
        for score, answer in zip(scores.T, answers[rest].T, strict=True):
            groups = np.array_split(np.argsort(score), 10)
            gaps.append(np.mean([abs(score[group].mean() - answer[group].mean()) for group in groups]))
        return np.array(gaps)

    plain, platt = reliability(Calibration.NONE), reliability(Calibration.PLATT)
    assert (platt < 0.06).all()
    assert platt.mean() < 0.6 * plain.mean()


def test_a_saved_grounder_scores_the_same(tmp_path: Path) -> None:
    table = make_table(80, 10)
    settings = GroundingSettings(replicates=20, scaling=ScalingKind.UNIT, calibration=Calibration.PLATT)
    grounder = fit_grounders(table, make_answers(table, 3), concept_ids=names(3), settings=settings)
    grounder.save(tmp_path / "grounder")
    again = Grounder.load(tmp_path / "grounder")
    np.testing.assert_array_equal(again.score(table).values, grounder.score(table).values)
    np.testing.assert_array_equal(again.out_of_fold.values, grounder.out_of_fold.values)
    assert again.quality == grounder.quality
    assert again.settings == grounder.settings
    assert again.inseparable == grounder.inseparable
    assert again.scaling.kind is ScalingKind.UNIT


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    table = make_table(80, 10)
    answers = make_answers(table, 3)
    for name in ("one", "two"):
        fit_grounders(table, answers, concept_ids=names(3), settings=QUICK).save(tmp_path / name)
    for file in ("about.json", "tensors.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_torn_artifact_is_refused(tmp_path: Path) -> None:
    table = make_table(80, 10)
    for seed, name in enumerate(("one", "two")):
        settings = GroundingSettings(replicates=20, seed=seed)
        fit_grounders(table, make_answers(table, 2), concept_ids=names(2), settings=settings).save(
            tmp_path / name
        )
    (tmp_path / "two" / "tensors.safetensors").replace(tmp_path / "one" / "tensors.safetensors")
    with pytest.raises(ModelsError, match="do not belong together"):
        Grounder.load(tmp_path / "one")
    with pytest.raises(ModelsError, match="holds no grounder"):
        Grounder.load(tmp_path / "two")


def test_progress_counts_concepts() -> None:
    table = make_table(60, 5)
    seen: list[tuple[int, int]] = []
    answers = make_answers(table, 200, unknown=0)
    settings = GroundingSettings(replicates=20, minimum=1)
    answers[:, 0] = 0
    answers[0, 0] = 1  # so that one fold learns from answers of one kind
    fit_grounders(
        table,
        answers,
        concept_ids=names(200),
        settings=settings,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(150, 200), (200, 200)]


def test_mistakes_are_named() -> None:
    table = make_table(40, 5)
    answers = make_answers(table, 2, unknown=0)
    with pytest.raises(ModelsError, match=r"shape \(40, 2\) for 40 images and 3 concepts"):
        fit_grounders(table, answers, concept_ids=names(3))
    with pytest.raises(ModelsError, match="none of 2 concepts has 30 yes"):
        fit_grounders(table, answers, concept_ids=names(2), settings=GroundingSettings(minimum=30))
    with pytest.raises(ModelsError, match="3 groups were given for 40 images"):
        fit_grounders(table, answers, concept_ids=names(2), groups=["a", "b", "c"])
    with pytest.raises(ModelsError, match=r"row weights have shape \(3,\) for 40 images and 2 concepts"):
        fit_grounders(table, answers, concept_ids=names(2), row_weights=np.ones(3))
    with pytest.raises(ModelsError, match="row weights hold numbers below 0"):
        fit_grounders(table, answers, concept_ids=names(2), row_weights=np.full(40, -1.0))
    unread = FeatureTable(table.ids, table.columns, np.where(np.eye(40, 5) > 0, np.nan, table.values))
    with pytest.raises(ModelsError, match="features hold numbers that are not finite"):
        fit_grounders(unread, answers, concept_ids=names(2))
    for settings in (GroundingSettings(), GroundingSettings(soft=True)):
        for wrong in (1.5, -0.1, np.inf):
            with pytest.raises(ModelsError, match="numbers that are no probability"):
                fit_grounders(
                    table, np.where(answers > 0, wrong, answers), concept_ids=names(2), settings=settings
                )
    with pytest.raises(ModelsError, match="5 folds were asked for and there are 2 groups"):
        fit_grounders(table, answers, concept_ids=names(2), groups=["a", "b"] * 20)
    grounder = fit_grounders(table, answers, concept_ids=names(2), settings=GroundingSettings(minimum=2))
    with pytest.raises(ModelsError, match="read 5 features and the table has 4"):
        grounder.score(make_table(3, 4))


def test_a_constant_column_is_left_alone() -> None:
    values = np.column_stack([np.full(5, 0.1, dtype=np.float32), np.arange(5, dtype=np.float32)])
    scaled = Scaling.fit(ScalingKind.STANDARD, values).apply(values)
    np.testing.assert_allclose(scaled[:, 0], 0, atol=1e-7)
    np.testing.assert_allclose(scaled[:, 1].std(), 1)
