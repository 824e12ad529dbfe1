import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import ModelsError
from models.features.store import FeatureStore, VectorFile


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store")


def names(count: int, start: int = 0) -> list[str]:
    return [hashlib.sha256(str(n).encode()).hexdigest() for n in range(start, start + count)]


def vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def read(file: VectorFile, images: list[str]) -> NDArray[np.float32]:
    return np.concatenate([file.nothing(), *file.blocks(images)])


def test_the_store_returns_what_was_put_in(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.features.vector_file.ROWS_AT_ONCE", 100)
    file = store.vectors("enc", dimension=4)
    file.append(names(1200), vectors(1200))
    np.testing.assert_array_equal(read(file, names(1200)[::-1]), vectors(1200)[::-1])
    np.testing.assert_array_equal(read(file, [*names(2), names(1)[0]]), vectors(2)[[0, 1, 0]])
    assert read(file, []).shape == (0, 4)
    assert file.absent([*names(1200), "absent"]) == {"absent"}
    assert file.verify() == ()
    assert file.count() == 1200
    with pytest.raises(ModelsError, match="no intact vector of 1 images"):
        read(file, ["absent"])


def test_encoders_do_not_share_vectors(store: FeatureStore) -> None:
    store.vectors("one", dimension=4).append(names(2), vectors(2))
    assert store.vectors("two", dimension=4).absent(names(2)) == set(names(2))
    with pytest.raises(ModelsError, match="vectors of length 4, not 5"):
        store.vectors("one", dimension=5)
    with pytest.raises(ValueError, match="cannot name a folder"):
        store.vectors("../escape", dimension=4)


def test_bytes_of_a_killed_writer_are_overwritten(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(3), vectors(3))
    with file.path(0).open("ab") as torn:
        torn.write(b"half a row of a process that was killed")
    file.append(names(2, start=3), vectors(2, seed=1))
    np.testing.assert_array_equal(read(file, names(5)), np.concatenate([vectors(3), vectors(2, seed=1)]))


def test_a_failed_append_leaves_no_row(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    file = store.vectors("enc", dimension=4)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("models.features.vector_file.os.fsync", full)
        with pytest.raises(ModelsError, match=r"written to .*enc \(No space left on device\); make room"):
            file.append(names(2), vectors(2))
    assert file.absent(names(2)) == set(names(2))
    file.append(names(2), vectors(2))
    assert file.absent(names(2)) == set()


def test_damage_is_found_and_healed(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(5), vectors(5))
    with file.path(0).open("r+b") as damaged:
        damaged.seek(2 * 16)
        damaged.write(b"\0\0\0\0")
    assert file.verify() == (names(5)[2],)
    assert file.absent(names(5)) == {names(5)[2]}
    with pytest.raises(ModelsError, match=r"enc has no intact vector of 1 images; encode them again"):
        read(file, names(5))
    file.append([names(5)[2]], vectors(5)[2:3])
    assert file.verify() == ()
    np.testing.assert_array_equal(read(file, names(5)), vectors(5))


def test_a_lost_vector_file_is_as_if_nothing_were_kept(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(3), vectors(3))
    file.path(0).unlink()
    assert file.absent(names(3)) == set(names(3))
    assert len(file.verify()) == 3


def test_a_damaged_database_says_which_folder_to_delete(store: FeatureStore) -> None:
    store.vectors("enc", dimension=4)
    (store.directory / "enc" / "rows.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ModelsError, match=r"delete .*enc to encode anew"):
        store.vectors("enc", dimension=4)


def test_values_that_are_not_finite_are_refused(store: FeatureStore) -> None:
    with pytest.raises(ModelsError, match="not finite; check its weights, or set its precision"):
        store.vectors("enc", dimension=4).append(names(1), np.full((1, 4), np.nan, dtype=np.float32))


APPENDING = """
import sys
import time
from pathlib import Path
from typing import Any
import numpy as np
from models.features.store import FeatureStore
directory, first, parts = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
file = FeatureStore(directory).vectors("enc", dimension=4)
for n in range(first, first + parts):
    file.append([f"{n}-{k}" for k in range(50)], np.full((50, 4), n, dtype=np.float32))
    print(n, flush=True)
"""


def appending(store: FeatureStore, first: int, parts: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", APPENDING, str(store.directory), str(first), str(parts)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def appended(file: VectorFile, numbers: range) -> bool:
    """Whether the parts are there, each with its own values."""
    images = [f"{n}-{k}" for n in numbers for k in range(50)]
    return bool((read(file, images) == np.repeat(numbers, 50)[:, None]).all())


def test_several_processes_append_at_once_while_another_compacts(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    writers = [appending(store, first, 12) for first in (0, 100, 200)]
    every = {f"{first + n}-{k}" for first in (0, 100, 200) for n in range(12) for k in range(50)}
    while any(writer.poll() is None for writer in writers):
        file.prune(keep=every)
        assert file.verify() == ()
    for first, writer in zip((0, 100, 200), writers, strict=True):
        assert writer.communicate()[0].split() == [str(n).encode() for n in range(first, first + 12)]
        assert writer.returncode == 0
        assert appended(file, range(first, first + 12))
    assert file.count() == 3 * 12 * 50


def test_a_killed_process_leaves_whole_vectors(store: FeatureStore) -> None:
    with appending(store, 0, 10**6) as child:
        assert child.stdout is not None
        done = [int(child.stdout.readline()) for _ in range(4)][-1]
        child.kill()
    file = store.vectors("enc", dimension=4)
    assert file.verify() == ()
    assert appended(file, range(done + 1))


def test_pruning_keeps_what_is_named_and_frees_the_rest(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(5000), vectors(5000))
    file.append(names(1000), vectors(1000, seed=1))  # in place of others, whose rows are now dead
    before = file.size()
    freed = file.prune(keep=set(names(100, start=950)))
    assert freed == before - file.size()
    assert [path.stat().st_size for path in file.folder.glob("*.f32")] == [100 * 16]
    assert file.count() == 100
    expected = np.concatenate([vectors(1000, seed=1)[950:], vectors(5000)[1000:1050]])
    np.testing.assert_array_equal(read(file, names(100, start=950)), expected)
    file.append(names(3), vectors(3, seed=2))
    np.testing.assert_array_equal(read(file, names(3)), vectors(3, seed=2))
    assert file.prune(keep=()) > 0
    assert (file.count(), file.path(2).stat().st_size) == (0, 0)


def test_pruning_drops_damaged_vectors(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(5), vectors(5))
    with file.path(0).open("r+b") as damaged:
        damaged.write(b"\0\0\0\0")
    file.prune(keep=set(names(5)))
    assert file.images() == tuple(names(5)[1:])
    assert file.verify() == ()


def test_a_reader_is_not_disturbed_by_pruning(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.features.vector_file.ROWS_AT_ONCE", 10)
    file = store.vectors("enc", dimension=4)
    file.append(names(40), vectors(40))
    blocks = file.blocks(names(40))
    begun = next(blocks)
    file.prune(keep=())
    np.testing.assert_array_equal(np.concatenate([begun, *blocks]), vectors(40))


@pytest.mark.parametrize("moment", ["copy_rows", "remove_but"])
def test_a_compaction_that_fails_leaves_all_vectors_and_the_next_one_clears_up(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(9), vectors(9))
    done = getattr(VectorFile, moment)
    calls: list[int] = []

    def failing(*arguments: Any) -> Any:
        found = done(*arguments)
        calls.append(1)
        if moment == "copy_rows" or len(calls) == 2:  # before the commit, or after it
            raise KeyboardInterrupt
        return found

    with monkeypatch.context() as patch:
        patch.setattr(VectorFile, moment, failing)
        with pytest.raises(KeyboardInterrupt):
            file.prune(keep=set(names(6)))
    assert file.verify() == ()
    assert file.count() == (9 if moment == "copy_rows" else 6)
    np.testing.assert_array_equal(read(file, names(6)), vectors(9)[:6])
    file.append(names(1, start=20), vectors(1))
    file.prune(keep=set(names(6)))
    assert len(list(file.folder.glob("*.f32"))) == 1
    np.testing.assert_array_equal(read(file, names(6)), vectors(9)[:6])


def test_a_process_killed_while_compacting_loses_nothing(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(3000), vectors(3000))
    code = """
import sys
import time
from pathlib import Path
from typing import Any
from models.features.store import FeatureStore
file = FeatureStore(Path(sys.argv[1])).existing("enc")
keep = set(file.images())
print("begun", flush=True)
while True:
    file.prune(keep=keep)
"""
    for patience in (0.0, 0.02, 0.05):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(store.directory)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(patience)
            child.kill()
        assert file.verify() == ()
        np.testing.assert_array_equal(read(file, names(3000)), vectors(3000))
    file.prune(keep=set(names(3000)))
    assert len(list(file.folder.glob("*.f32"))) == 1


def test_an_encoder_is_found_by_the_beginning_of_its_digest(store: FeatureStore) -> None:
    for encoder in ("abc1", "abc2", "abc"):
        store.vectors(encoder, dimension=4).append(names(2), vectors(2))
    assert store.existing("abc2").folder.name == "abc2"
    assert store.existing("abc").folder.name == "abc"
    with pytest.raises(ModelsError, match=r"3 encoders in .* begin with 'a'; it has abc, abc1, abc2"):
        store.existing("a")
