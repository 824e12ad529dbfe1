import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.artifacts import Artifact, save_artifact
from models.errors import ModelsError
from models.features.table import FeatureTable, checksums, write_table


def vectors(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)


def table() -> FeatureTable:
    return FeatureTable(("a/1", "a/ü", "b/3"), ("0", "1", "2", "3"), vectors(3))


def test_rows_follow_the_ids_asked_for() -> None:
    np.testing.assert_array_equal(table().rows(["b/3", "a/1", "b/3"]), vectors(3)[[2, 0, 2]])
    assert table().rows([]).shape == (0, 4)
    with pytest.raises(ModelsError, match=r"1 of 2 images have no features \(first c/9\)"):
        table().rows(["a/1", "c/9"])


def test_a_table_with_wrong_shapes_or_repeats_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="values are"):
        FeatureTable(("a",), ("0",), vectors(1))
    with pytest.raises(ValueError, match="an id stands twice"):
        FeatureTable(("a", "a"), ("0", "1", "2", "3"), vectors(2))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_table_survives_its_folder_and_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    table().save(tmp_path / "one")
    table().save(tmp_path / "two")
    loaded = FeatureTable.load(tmp_path / "one")
    assert (loaded.ids, loaded.columns) == (table().ids, table().columns)
    np.testing.assert_array_equal(loaded.values, table().values)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one").keys() == {"about.json", "names.json", "values.npy"}
    np.testing.assert_array_equal(np.load(tmp_path / "one" / "values.npy"), vectors(3))
    assert json.loads((tmp_path / "one" / "names.json").read_text("utf-8"))["ids"] == ["a/1", "a/ü", "b/3"]


def test_a_table_without_rows_survives_too(tmp_path: Path) -> None:
    FeatureTable((), ("0", "1"), np.empty((0, 2), np.float32)).save(tmp_path / "t")
    assert FeatureTable.load(tmp_path / "t").values.shape == (0, 2)


def test_values_are_mapped_and_rows_are_copies(tmp_path: Path) -> None:
    table().save(tmp_path / "t")
    loaded = FeatureTable.load(tmp_path / "t")
    assert isinstance(loaded.values, np.memmap)
    assert not loaded.values.flags.writeable
    rows = loaded.rows(["b/3", "a/1"])
    assert not isinstance(rows, np.memmap)
    rows[:] = 0
    np.testing.assert_array_equal(loaded.values, vectors(3))


def test_a_table_in_use_stays_as_it_was_when_another_takes_its_place(tmp_path: Path) -> None:
    table().save(tmp_path / "t")
    loaded = FeatureTable.load(tmp_path / "t")
    FeatureTable(("x",), ("0",), np.zeros((1, 1), np.float32)).save(tmp_path / "t")
    np.testing.assert_array_equal(loaded.values, vectors(3))
    assert FeatureTable.load(tmp_path / "t").ids == ("x",)


def test_a_table_may_come_in_parts_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.features.table.SPAN", 32)
    table().save(tmp_path / "whole")
    parts = [vectors(3)[:1], vectors(3)[1:1], vectors(3)[1:]]
    made = write_table(tmp_path / "parts", ids=table().ids, columns=table().columns, blocks=parts)
    np.testing.assert_array_equal(made.values, vectors(3))
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    with pytest.raises(ValueError, match="have 1 rows"):
        write_table(tmp_path / "short", ids=table().ids, columns=table().columns, blocks=parts[:1])
    assert not (tmp_path / "short" / "values.npy").exists()


@pytest.mark.parametrize("name", ["about.json", "names.json", "values.npy"])
def test_a_table_that_is_not_as_it_was_written_is_refused(tmp_path: Path, name: str) -> None:
    table().save(tmp_path / "t")
    file = tmp_path / "t" / name
    written = file.read_bytes()
    middle = len(written) // 2
    flipped = bytes([*written[:middle], written[middle] ^ 1, *written[middle + 1 :]])
    for content in (b"", b"junk", written[:-3], written + b"0", flipped):
        file.write_bytes(content)
        with pytest.raises(ModelsError, match=r"t is not a feature table .*encode the images again"):
            FeatureTable.load(tmp_path / "t")
    file.unlink()
    with pytest.raises(ModelsError, match="there are no features at"):
        FeatureTable.load(tmp_path / "t")


def forge(folder: Path, values: NDArray[Any]) -> None:
    """A folder with other values whose checksums agree, as someone would make who means harm."""
    table().save(folder)
    np.save(folder / "values.npy", values, allow_pickle=True)
    about = json.loads((folder / "about.json").read_bytes())
    about["values_crc32"] = checksums(folder / "values.npy")
    (folder / "about.json").write_text(json.dumps(about), "utf-8")


def test_pickled_objects_other_numbers_and_other_shapes_are_refused(tmp_path: Path) -> None:
    class Mischief:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "done",)  # type: ignore[return-value]

    for values in (np.array([[Mischief()] * 4] * 3), vectors(3).astype(np.float64), vectors(2)):
        forge(tmp_path / "t", values)
        with pytest.raises(ModelsError, match="t is not a feature table"):
            FeatureTable.load(tmp_path / "t")
    assert not (tmp_path / "done").exists()


def test_nothing_and_a_foreign_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match=r"there are no features at .*t .*encode the images first"):
        FeatureTable.load(tmp_path / "t")
    save_artifact(tmp_path / "t", Artifact({}, {}), kind="grounder")
    (tmp_path / "t" / "names.json").write_text("[]", "utf-8")
    with pytest.raises(ModelsError, match=r"t is not a feature table \(about\.json describes something else"):
        FeatureTable.load(tmp_path / "t")
