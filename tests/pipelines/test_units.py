from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from models.evaluation.predictions import Predictions
from pipelines.units import Unit, complete, gather, is_trained, remove_others


class Trainer:
    """Counts how often it trains, and fails when told to."""

    def __init__(self, method: str, seed: int, *, fails: bool = False) -> None:
        self.method, self.seed, self.fails, self.times = method, seed, fails, 0

    def __call__(self, folder: Path, seeds: Sequence[int]) -> Predictions:
        self.times += 1
        for seed in seeds:
            (folder / str(seed)).mkdir()
            (folder / str(seed) / "weights").write_text(f"{self.method} {seed}")
        if self.fails:
            raise KeyboardInterrupt
        probabilities = np.stack([np.full((2, 2), 0.25 * (seed + 1)) for seed in seeds])
        ids = ("a", "b") if self.seed == 0 else ("b", "a")
        probabilities[:, ids.index("b")] += 0.1
        return Predictions(self.method, "age", tuple(seeds), ids, probabilities)


def unit(trainer: Trainer, *, key: str = "k") -> Unit:
    return Unit(f"{trainer.method}/age/{trainer.seed}", key, (trainer.seed,), trainer)


def several(trainer: Trainer, seeds: tuple[int, ...], *, key: str = "k") -> Unit:
    return Unit(f"{trainer.method}/age", key, seeds, trainer)


def nothing(_done: int, _total: int) -> None:
    return


def test_a_unit_is_trained_once_and_again_when_its_key_changes(tmp_path: Path) -> None:
    first, second = Trainer("knobo", 0), Trainer("probe", 0)
    seen: list[tuple[int, int]] = []
    complete([unit(first), unit(second)], tmp_path, progress=lambda *at: seen.append(at))
    complete([unit(first), unit(second, key="other")], tmp_path, progress=nothing)
    assert (first.times, second.times) == (1, 2)
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize("name", ["knobo/age/0/0/weights", "knobo/age/0.parquet", "knobo/age/0.json"])
@pytest.mark.parametrize("harm", [lambda path: path.write_text("{"), lambda path: path.unlink()])
def test_a_unit_that_is_not_as_it_was_saved_is_trained_again(
    tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    trainer = Trainer("knobo", 0)
    complete([unit(trainer)], tmp_path, progress=nothing)
    harm(tmp_path / name)
    assert not is_trained(unit(trainer), tmp_path)
    complete([unit(trainer)], tmp_path, progress=nothing)
    assert trainer.times == 2
    assert is_trained(unit(trainer), tmp_path)


def test_what_was_trained_before_an_interruption_is_kept(tmp_path: Path) -> None:
    first, second = Trainer("knobo", 0), Trainer("probe", 0, fails=True)
    with pytest.raises(KeyboardInterrupt):
        complete([unit(first), unit(second)], tmp_path, progress=nothing)
    second.fails = False
    complete([unit(first), unit(second)], tmp_path, progress=nothing)
    assert (first.times, second.times) == (1, 2)


def test_seeds_of_one_method_and_split_are_joined_image_by_image(tmp_path: Path) -> None:
    units = [unit(Trainer("knobo", 0)), unit(Trainer("knobo", 1)), unit(Trainer("probe", 0))]
    complete(units, tmp_path, progress=nothing)
    knobo, probe = gather(units, tmp_path)
    assert (knobo.method, knobo.seeds, probe.method, probe.seeds) == ("knobo", (0, 1), "probe", (0,))
    np.testing.assert_allclose(knobo.probabilities[:, :, 0], [[0.25, 0.35], [0.5, 0.6]])


def test_models_that_are_no_longer_wanted_are_removed_and_no_others(tmp_path: Path) -> None:
    units = [unit(Trainer("knobo", 0)), unit(Trainer("knobo", 1)), unit(Trainer("probe", 0))]
    complete(units, tmp_path, progress=nothing)
    (tmp_path / "stray").write_text("")
    remove_others(units[:1], tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["knobo/age/0.json", "knobo/age/0.parquet", "knobo/age/0/0/weights"]
    assert is_trained(units[0], tmp_path)


def test_further_seeds_are_trained_beside_those_there_are(tmp_path: Path) -> None:
    trainer = Trainer("knobo", 0)
    asked: list[list[int]] = []

    def train(folder: Path, seeds: Sequence[int]) -> Predictions:
        asked.append(list(seeds))
        return trainer(folder, seeds)

    for seeds, key in (
        ((0, 1), "k"),
        ((0, 1, 2), "k"),
        ((0, 1, 2), "k"),
        ((0, 1), "k"),
        ((0, 1, 2), "other"),
    ):
        wanted = Unit("knobo/age", key, seeds, train)
        complete([wanted], tmp_path, progress=nothing)
        (found,) = gather([wanted], tmp_path)
        assert found.seeds == seeds
        np.testing.assert_allclose(found.probabilities[:, 0, 0], [0.25 * (seed + 1) for seed in seeds])
        assert sorted(path.name for path in (tmp_path / "knobo/age").iterdir()) == [str(s) for s in seeds]
    assert asked == [[0, 1], [2], [0, 1], [0, 1, 2]]


def test_seeds_that_were_tampered_with_are_not_built_upon(tmp_path: Path) -> None:
    trainer = Trainer("knobo", 0)
    complete([several(trainer, (0,))], tmp_path, progress=nothing)
    (tmp_path / "knobo/age/0/weights").write_text("other")
    complete([several(trainer, (0, 1))], tmp_path, progress=nothing)
    assert (tmp_path / "knobo/age/0/weights").read_text() == "knobo 0"
