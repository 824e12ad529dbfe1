import numpy as np
import pytest

from models.features.table import FeatureTable
from models.grounding.grounder import Grounder, GroundingSettings
from models.row_blocks import row_blocks
from models.scaling import Scaling, ScalingKind


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr("models.row_blocks.VALUES_AT_ONCE", 100)
    generator = np.random.default_rng(0)
    made = generator.normal(5, [0.1, 1, 10, 3], size=(1003, 4)).astype(np.float32)
    made[:, 3] = 7
    return made


def test_blocks_are_views_of_all_rows_in_order(values: np.ndarray) -> None:
    blocks = list(row_blocks(values))
    assert [len(block) for block in blocks] == [25] * 40 + [3]
    assert all(np.shares_memory(block, values) for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), values)
    assert list(row_blocks(values[:0])) == []
    assert len(list(row_blocks(np.empty((3, 0))))) == 1
    assert len(list(row_blocks(np.empty((3, 1000))))) == 3


def test_scaling_in_blocks_is_that_of_the_whole_in_double_precision(values: np.ndarray) -> None:
    wide = values.astype(np.float64)
    scaling = Scaling.fit(ScalingKind.STANDARD, values)
    np.testing.assert_allclose(scaling.center, wide.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, [*wide.std(axis=0)[:3], 1], rtol=1e-12)
    centred = Scaling.fit(ScalingKind.CENTER, values)
    np.testing.assert_allclose(centred.center, wide.mean(axis=0), rtol=1e-12)
    assert centred.scale.tolist() == [1] * 4


def test_scores_in_blocks_are_those_of_each_row(values: np.ndarray) -> None:
    generator = np.random.default_rng(1)
    grounder = Grounder(
        concept_ids=("a", "b"),
        columns=tuple("wxyz"),
        weight=generator.normal(size=(2, 4)),
        bias=generator.normal(size=2),
        scaling=Scaling.fit(ScalingKind.STANDARD, values),
        quality=(),
        out_of_fold=FeatureTable((), ("a", "b"), np.empty((0, 2), np.float32)),
        ungrounded=(),
        settings=GroundingSettings(),
    )
    table = FeatureTable(tuple(map(str, range(1003))), tuple("wxyz"), values)
    scores = grounder.score(table).values
    for row in (0, 24, 25, 1002):
        scaled = (values[row].astype(np.float64) - grounder.scaling.center) / grounder.scaling.scale
        expected = 1 / (1 + np.exp(-(grounder.weight @ scaled + grounder.bias)))
        np.testing.assert_allclose(scores[row], expected, rtol=1e-5)
