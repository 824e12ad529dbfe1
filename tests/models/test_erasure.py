import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.linear_model import LogisticRegression

from models.acquisition.attributes import acquisitions, collect, shuffled
from models.acquisition.covariance import covariance_of, ledoit_wolf
from models.acquisition.erasure import Eraser, distinct_directions, fit_eraser
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding import fit_grounders
from models.grounding.grounder import GroundingSettings
from models.scaling import Scaling, ScalingKind

Columns = dict[str, tuple[str | None, ...]]


def make_images(rows: int, width: int, *, seed: int = 0) -> tuple[FeatureTable, Columns]:
    """Features that a view (three levels, known for two images in three) and a scanner shift."""
    generator = np.random.default_rng(seed)
    view, scanner = generator.integers(0, 3, rows), generator.integers(0, 2, rows)
    noise = generator.normal(size=(rows, width)) @ generator.normal(size=(width, width))
    shifts = generator.normal(size=(3, width))[view] + generator.normal(size=(2, width))[scanner]
    table = FeatureTable(
        tuple(f"i{row}" for row in range(rows)),
        tuple(map(str, range(width))),
        (noise + 2 * np.sqrt(width) * shifts + 5).astype(np.float32),
    )
    stated = generator.random(rows) < 2 / 3
    views = tuple(
        ["PA", "AP", "LL"][level] if seen else None for level, seen in zip(view, stated, strict=True)
    )
    return table, {"view": views, "scanner": tuple("AB"[level] for level in scanner)}


def one_hot(values: tuple[str | None, ...]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    known = np.array([value is not None for value in values])
    levels = sorted({value for value in values if value})
    return known, np.array([[float(value == level) for level in levels] for value in values])


def standardised(table: FeatureTable) -> NDArray[np.float64]:
    values = table.values.astype(np.float64)
    return np.asarray((values - values.mean(axis=0)) / values.std(axis=0))


@pytest.mark.parametrize(("rows", "width"), [(400, 30), (120, 300)])
@pytest.mark.parametrize("shrinkage", [None, 0.2, 1.0])
def test_features_no_longer_covary_with_any_level(rows: int, width: int, shrinkage: float | None) -> None:
    table, attributes = make_images(rows, width)
    erased = fit_eraser(table, attributes, shrinkage=shrinkage).apply(table).values.astype(np.float64)
    for values in attributes.values():
        known, levels = one_hot(values)
        before = np.cov(table.values[known].T, levels[known].T)[:width, width:]
        after = np.cov(erased[known].T, levels[known].T)[:width, width:]
        assert np.abs(after).max() < 1e-5 * np.abs(before).max()


def test_logistic_regression_does_no_better_than_the_constant_one() -> None:
    table, attributes = make_images(500, 20)
    erased = fit_eraser(table, attributes).apply(table)
    for values in attributes.values():
        known, levels = one_hot(values)
        labels = levels[known].argmax(axis=1)
        shares = np.bincount(labels) / len(labels)
        assert (
            LogisticRegression(max_iter=2000)
            .fit(standardised(table)[known], labels)
            .score(standardised(table)[known], labels)
            > max(shares) + 0.2
        )
        probe = LogisticRegression(max_iter=2000).fit(standardised(erased)[known], labels)
        assert probe.predict_proba(standardised(erased)[known]) == pytest.approx(
            np.tile(shares, (len(labels), 1)), abs=1e-3
        )


def test_a_second_pass_changes_nothing() -> None:
    table, attributes = make_images(300, 25)
    eraser = fit_eraser(table, attributes)
    once = eraser.apply(table)
    assert eraser.apply(once).values == pytest.approx(once.values, abs=1e-4)
    assert eraser.read.T @ eraser.removed == pytest.approx(np.eye(eraser.removed.shape[1]), abs=1e-9)


def test_it_is_the_papers_equation_where_the_covariance_has_full_rank() -> None:
    table, attributes = make_images(800, 12)
    known, levels = one_hot(attributes["scanner"])
    x = table.values.astype(np.float64)
    centred, z = x - x.mean(axis=0), levels - levels.mean(axis=0)
    assert known.all()
    sizes, axes = np.linalg.eigh(centred.T @ centred / len(x))
    whiten, colour = (axes / np.sqrt(sizes)) @ axes.T, (axes * np.sqrt(sizes)) @ axes.T
    cross = whiten @ (centred.T @ z / len(x))
    projection = cross @ np.linalg.pinv(cross)
    expected = x - centred @ (colour @ projection @ whiten).T
    eraser = fit_eraser(table, {"scanner": attributes["scanner"]}, shrinkage=1e-12)
    assert eraser.apply(table).values == pytest.approx(expected, abs=1e-4)


def test_features_move_less_than_by_projecting_the_differences_out() -> None:
    table, attributes = make_images(1000, 15)
    x = standardised(table)
    near = fit_eraser(table, attributes, shrinkage=1e-9).apply(table).values
    projected = fit_eraser(table, attributes, shrinkage=1.0).apply(table).values
    spread = table.values.astype(np.float64).std(axis=0)
    inverse = np.linalg.inv(np.cov(x.T))
    for metric in (np.eye(15), inverse):
        moves = [(each - table.values) / spread for each in (near, projected)]
        sizes = [float(np.einsum("nd,de,ne->", move, metric, move)) for move in moves]
        assert sizes[0] < 0.98 * sizes[1]


def test_images_move_alike_whether_or_not_their_attributes_are_known() -> None:
    table, attributes = make_images(300, 10)
    eraser = fit_eraser(table, attributes)
    part = FeatureTable(table.ids[:7], table.columns, table.values[:7])
    assert eraser.apply(part).values == pytest.approx(eraser.apply(table).values[:7])


def test_shrinkage_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    for shape in ((50, 120), (200, 20), (80, 80)):
        inputs = generator.normal(size=shape) * generator.exponential(size=shape[1])
        inputs -= inputs.mean(axis=0)
        covariance = covariance_of(inputs, Scaling.fit(ScalingKind.NONE, inputs))
        assert ledoit_wolf(covariance) == pytest.approx(ledoit_wolf_shrinkage(inputs, assume_centered=True))


@pytest.mark.parametrize(("rows", "width"), [(300, 40), (40, 40), (40, 90)])
def test_the_shrunk_covariance_is_inverted_on_either_side(rows: int, width: int) -> None:
    generator = np.random.default_rng(0)
    values, columns = generator.normal(size=(rows, width)), generator.normal(size=(width, 3))
    scaling = Scaling.fit(ScalingKind.STANDARD, values)
    plain = np.cov(scaling.apply(values).T, bias=True)
    shrunk = 0.7 * plain + 0.3 * np.trace(plain) / width * np.eye(width)
    found = covariance_of(values, scaling).inverse_times(columns, shrinkage=0.3)
    assert found == pytest.approx(np.linalg.solve(shrunk, columns), abs=1e-10)


def test_many_images_are_read_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    table, attributes = make_images(6000, 100)
    whole = fit_eraser(table, attributes)
    monkeypatch.setattr("models.row_blocks.VALUES_AT_ONCE", 20_000)
    acquisitions(attributes, images=6000, minimum=10)  # warm
    tracemalloc.start()
    parts = fit_eraser(table, attributes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < table.values.size * 8 / 2  # half of a copy in double precision
    assert parts.shrinkage == pytest.approx(whole.shrinkage, rel=1e-10)
    assert parts.center == pytest.approx(whole.center, abs=1e-10)
    # the map itself: directions of nearly one size may be mixed by rounding
    assert parts.removed @ parts.read.T == pytest.approx(whole.removed @ whole.read.T, abs=1e-10)


def test_the_sign_of_a_direction_is_not_left_to_the_decomposition() -> None:
    differences = np.random.default_rng(3).normal(size=(40, 5))
    directions = distinct_directions(differences)
    assert distinct_directions(-differences) == pytest.approx(directions, abs=1e-12)
    assert (directions.max(axis=0) == np.abs(directions).max(axis=0)).all()
    unit = differences / np.linalg.norm(differences, axis=0)
    assert directions @ (directions.T @ unit) == pytest.approx(unit, abs=1e-12)  # still a basis of them


def test_columns_without_variance_stay_as_they_are() -> None:
    table, attributes = make_images(200, 8)
    values = np.concatenate([table.values, np.full((200, 1), 3, np.float32)], axis=1)
    wider = FeatureTable(table.ids, (*table.columns, "constant"), values)
    assert (fit_eraser(wider, attributes).apply(wider).values[:, -1] == 3).all()


def test_an_attribute_given_twice_is_erased_once() -> None:
    table, attributes = make_images(300, 10)
    once = fit_eraser(table, {"scanner": attributes["scanner"]})
    twice = fit_eraser(table, {"scanner": attributes["scanner"], "device": attributes["scanner"]})
    assert once.removed.shape == twice.removed.shape == (10, 1)
    assert twice.apply(table).values == pytest.approx(once.apply(table).values, abs=1e-4)


def test_rare_values_count_as_unknown_and_are_named() -> None:
    table, attributes = make_images(300, 10)
    rare = ("upside down", *attributes["scanner"][1:])
    missing = (None, *attributes["scanner"][1:])
    first, second = (fit_eraser(table, {"scanner": column}) for column in (rare, missing))
    assert first.attributes[0].rare == ("upside down",)
    assert first.attributes[0].images == second.attributes[0].images == 299
    assert (first.read == second.read).all()


@pytest.mark.parametrize("scaling", ScalingKind)
def test_grounders_of_erased_features_can_read_plain_ones(scaling: ScalingKind) -> None:
    table, attributes = make_images(300, 20)
    eraser = fit_eraser(table, attributes)
    erased = eraser.apply(table)
    answers = (table.values[:, :3] > np.median(table.values[:, :3], axis=0)).astype(np.float32)
    settings = GroundingSettings(replicates=20, C=0.1, scaling=scaling)
    grounder = fit_grounders(erased, answers, concept_ids=["a", "b", "c"], settings=settings)
    if scaling is ScalingKind.UNIT:
        with pytest.raises(ModelsError, match="by their length"):
            eraser.into(grounder)
        return
    assert eraser.into(grounder).score(table).values == pytest.approx(grounder.score(erased).values, abs=1e-4)


def test_it_is_stored_as_low_rank_factors_and_comes_back(tmp_path: Path) -> None:
    table, attributes = make_images(200, 50)
    eraser = fit_eraser(table, attributes)
    eraser.save(tmp_path / "a")
    loaded = Eraser.load(tmp_path / "a")
    assert (loaded.apply(table).values == eraser.apply(table).values).all()
    assert loaded.attributes == eraser.attributes
    assert (tmp_path / "a" / "tensors.safetensors").stat().st_size < 8 * 50 * (1 + 2 * 3) + 500
    loaded.save(tmp_path / "b")
    for name in ("tensors.safetensors", "about.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_control_keeps_the_values_and_how_they_go_together() -> None:
    table, attributes = make_images(2000, 6)
    control = shuffled(attributes, seed=3)
    assert control == shuffled(attributes, seed=3) != attributes
    pairs = [sorted(map(str, zip(*each.values(), strict=True))) for each in (attributes, control)]
    assert pairs[0] == pairs[1]
    eraser = fit_eraser(table, control)
    assert eraser.removed.shape == fit_eraser(table, attributes).removed.shape
    known, levels = one_hot(attributes["scanner"])
    labels = levels[known].argmax(axis=1)
    erased = standardised(eraser.apply(table))
    assert LogisticRegression().fit(erased, labels).score(erased, labels) > 0.7


def test_values_are_collected_from_the_images() -> None:
    assert collect([{"view": "PA", "sex": "F"}, {}], ["view"]) == {"view": ("PA", None)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": ("PA",) * 50}, "the attribute 'view' has 1 values"),
        ({"view": ("PA",) * 3}, "3 values of 'view' were given for 50 images"),
        ({}, "no acquisition attribute was named"),
    ],
)
def test_attributes_that_cannot_be_erased_are_refused(change: Columns, message: str) -> None:
    table, _ = make_images(50, 4)
    with pytest.raises(ModelsError, match=message):
        fit_eraser(table, change)


def test_features_of_another_encoder_and_a_foreign_shrinkage_are_refused() -> None:
    table, attributes = make_images(200, 4)
    other = FeatureTable(table.ids, ("p", "q", "r", "s"), table.values)
    with pytest.raises(ModelsError, match="the encoder that it was fitted on"):
        fit_eraser(table, attributes).apply(other)
    with pytest.raises(ModelsError, match="above 0 and up to 1"):
        fit_eraser(table, attributes, shrinkage=0.0)
