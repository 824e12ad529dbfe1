import hashlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.errors import ModelsError
from models.features import FeatureStore, FeatureTable, extract
from models.images import ImageRecord


class MeanColour:
    """An encoder whose vectors are easy to know: the mean of each channel."""

    digest = "mean-colour"
    dimension = 3

    def __init__(self) -> None:
        self.encoded = 0
        self.fails_after = 10**9

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(image).transpose(2, 0, 1)

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.encoded + len(pixels) > self.fails_after:
            raise KeyboardInterrupt
        self.encoded += len(pixels)
        return pixels.astype(np.float32).transpose(0, 2, 3, 1).mean(axis=(1, 2))


def mean_colours(images: Sequence[Image.Image]) -> NDArray[np.float32]:
    return np.stack([np.asarray(image, dtype=np.float32).mean(axis=(0, 1)) for image in images])


def make_records(folder: Path, count: int) -> list[ImageRecord]:
    generator = np.random.default_rng(0)
    for n in range(count):
        pixels = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return [ImageRecord(f"d/{n}", folder / f"{n}.png", None, {}) for n in range(count)]


@pytest.fixture
def records(tmp_path: Path) -> list[ImageRecord]:
    (tmp_path / "images").mkdir()
    return make_records(tmp_path / "images", 20)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store")


def expected(records: Sequence[ImageRecord]) -> NDArray[np.float32]:
    return mean_colours([Image.open(record.path).convert("RGB") for record in records])


def test_each_record_gets_the_vector_of_its_image(records: list[ImageRecord], store: FeatureStore) -> None:
    told: list[tuple[int, int]] = []
    encoder = MeanColour()
    table = extract(records[::-1], encoder, store, batch=8, progress=lambda *now: told.append(now))
    assert table.ids == tuple(record.id for record in records[::-1])
    assert table.columns == ("0", "1", "2")
    np.testing.assert_array_equal(table.values, expected(records[::-1]))
    assert told == [(0, 20), (8, 20), (16, 20), (20, 20)]


def test_a_second_run_encodes_nothing_and_gives_the_same(
    records: list[ImageRecord], store: FeatureStore
) -> None:
    first = extract(records, MeanColour(), store)
    encoder = MeanColour()
    again = extract(records, encoder, FeatureStore(store.directory), batch=3)
    assert encoder.encoded == 0
    np.testing.assert_array_equal(again.values, first.values)


def test_after_an_interruption_only_the_rest_is_encoded(
    records: list[ImageRecord], store: FeatureStore
) -> None:
    encoder = MeanColour()
    encoder.fails_after = 15
    with pytest.raises(KeyboardInterrupt):
        extract(records, encoder, store, batch=6)
    assert encoder.encoded == 12
    rest = MeanColour()
    table = extract(records, rest, store, batch=6)
    assert rest.encoded == 8
    np.testing.assert_array_equal(table.values, expected(records))


def test_copies_are_encoded_once(records: list[ImageRecord], store: FeatureStore, tmp_path: Path) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(records[4].path.read_bytes())
    encoder = MeanColour()
    table = extract([*records, ImageRecord("d/copy", copy, None, {})], encoder, store, batch=4)
    assert encoder.encoded == 20
    np.testing.assert_array_equal(table.rows(["d/copy"]), table.rows(["d/4"]))


def test_large_images_make_small_batches(
    records: list[ImageRecord], store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.features.PIXELS_AT_ONCE", 60)
    sizes: list[int] = []

    class Watching(MeanColour):
        def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            sizes.append(len(pixels))
            return super().encode(pixels)

    extract(records, Watching(), store)
    assert sizes == [2] * 10


def test_broken_images_stop_the_run_after_all_others_are_kept(
    records: list[ImageRecord], store: FeatureStore
) -> None:
    records[3].path.write_bytes(b"broken")
    records[7].path.unlink()
    with pytest.raises(ModelsError, match=r"2 of 20 images cannot be used: .*7\.png.*3\.png"):
        extract(records, MeanColour(), store)
    encoder = MeanColour()
    sound = [record for record in records if record.id not in {"d/3", "d/7"}]
    assert len(extract(sound, encoder, store).ids) == 18
    assert encoder.encoded == 0


def test_broken_images_can_be_left_out(
    records: list[ImageRecord], store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    records[3].path.write_bytes(b"broken")
    table = extract(records, MeanColour(), store, on_broken="skip")
    assert "d/3" not in table.ids
    assert "1 of 20 images cannot be used" in caplog.text


def test_no_image_at_all_is_refused_even_when_skipping(store: FeatureStore, tmp_path: Path) -> None:
    gone = ImageRecord("d/gone", tmp_path / "gone.png", None, {})
    with pytest.raises(ModelsError, match="1 of 1 images cannot be used"):
        extract([gone], MeanColour(), store, on_broken="skip")
    with pytest.raises(ModelsError, match="none was given"):
        extract([], MeanColour(), store)


def test_an_id_given_twice_is_refused(records: list[ImageRecord], store: FeatureStore) -> None:
    with pytest.raises(ModelsError, match="1 image ids occur twice"):
        extract([*records, records[0]], MeanColour(), store)


def names(count: int, start: int = 0) -> list[str]:
    return [hashlib.sha256(str(n).encode()).hexdigest() for n in range(start, start + count)]


def vectors(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def test_the_store_returns_what_was_put_in(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(1200), vectors(1200))
    found = file.read([*names(1200)[::-1], "absent"])
    assert found.keys() == set(names(1200))
    np.testing.assert_array_equal(np.stack([found[name] for name in names(1200)]), vectors(1200))
    assert file.verify() == ()


def test_encoders_do_not_share_vectors(store: FeatureStore) -> None:
    store.vectors("one", dimension=4).append(names(2), vectors(2))
    assert store.vectors("two", dimension=4).read(names(2)) == {}
    with pytest.raises(ModelsError, match="vectors of length 4, not 5"):
        store.vectors("one", dimension=5)
    with pytest.raises(ValueError, match="cannot name a folder"):
        store.vectors("../escape", dimension=4)


def test_bytes_of_a_killed_writer_are_overwritten(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(3), vectors(3))
    with file.bytes.open("ab") as torn:
        torn.write(b"half a row of a process that was killed")
    file.append(names(2, start=3), vectors(2, seed=1))
    found = file.read(names(5))
    np.testing.assert_array_equal(
        np.stack([found[name] for name in names(5)]), np.concatenate([vectors(3), vectors(2, seed=1)])
    )


def test_a_failed_append_leaves_no_row(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    file = store.vectors("enc", dimension=4)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(file, "write", full)
        with pytest.raises(OSError, match="No space left"):
            file.append(names(2), vectors(2))
    assert file.read(names(2)) == {}
    file.append(names(2), vectors(2))
    assert len(file.read(names(2))) == 2


def test_damage_is_found_and_healed(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(5), vectors(5))
    with file.bytes.open("r+b") as damaged:
        damaged.seek(2 * 16)
        damaged.write(b"\0\0\0\0")
    assert file.verify() == (names(5)[2],)
    assert file.read(names(5)).keys() == set(names(5)) - {names(5)[2]}
    file.append([names(5)[2]], vectors(5)[2:3])
    assert file.verify() == ()
    np.testing.assert_array_equal(file.read(names(5))[names(5)[2]], vectors(5)[2])


def test_a_lost_vector_file_is_as_if_nothing_were_kept(store: FeatureStore) -> None:
    file = store.vectors("enc", dimension=4)
    file.append(names(3), vectors(3))
    file.bytes.unlink()
    assert file.read(names(3)) == {}
    assert len(file.verify()) == 3


def test_a_damaged_database_says_which_folder_to_delete(store: FeatureStore) -> None:
    store.vectors("enc", dimension=4)
    (store.directory / "enc" / "rows.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ModelsError, match=r"delete .*enc to encode anew"):
        store.vectors("enc", dimension=4)


def test_values_that_are_not_finite_are_refused(store: FeatureStore) -> None:
    with pytest.raises(ModelsError, match="not finite"):
        store.vectors("enc", dimension=4).append(names(1), np.full((1, 4), np.nan, dtype=np.float32))


def test_several_writers_at_once_lose_nothing(store: FeatureStore) -> None:
    def write(writer: int) -> None:
        for part in range(5):
            start = 100 * writer + 10 * part
            store.vectors("enc", dimension=4).append(names(10, start=start), vectors(10, seed=start))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file = store.vectors("enc", dimension=4)
    assert file.verify() == ()
    for start in (0, 140, 340):
        found = file.read(names(10, start=start))
        np.testing.assert_array_equal(
            np.stack([found[name] for name in names(10, start=start)]), vectors(10, seed=start)
        )


def test_a_killed_process_leaves_whole_vectors(store: FeatureStore) -> None:
    code = """
import sys
from pathlib import Path
import numpy as np
from models.feature_store import FeatureStore
file = FeatureStore(Path(sys.argv[1])).vectors("enc", dimension=4)
for n in range(10**6):
    file.append([f"{n}-{k}" for k in range(50)], np.full((50, 4), n, dtype=np.float32))
    print(n, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code, store.directory], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        done = [int(child.stdout.readline()) for _ in range(4)][-1]
        child.kill()
    file = store.vectors("enc", dimension=4)
    assert file.verify() == ()
    found = file.read([f"{n}-{k}" for n in range(done + 1) for k in range(50)])
    assert len(found) == 50 * (done + 1)
    assert all((vector == int(name.split("-")[0])).all() for name, vector in found.items())


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


def test_a_table_survives_its_file_and_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    table().save(tmp_path / "one.npz")
    table().save(tmp_path / "two.npz")
    loaded = FeatureTable.load(tmp_path / "one.npz")
    assert (loaded.ids, loaded.columns) == (table().ids, table().columns)
    np.testing.assert_array_equal(loaded.values, table().values)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    with pytest.raises(ModelsError, match=r"no features at .*t\.npz"):
        FeatureTable.load(path)
    for content in (b"", b"junk", b"PK\x03\x04torn"):
        path.write_bytes(content)
        with pytest.raises(ModelsError, match=r"t\.npz is not a feature table"):
            FeatureTable.load(path)
    np.savez(
        path, ids=np.array([{"code": 1}], dtype=object), columns=np.array(["0"]), values=np.zeros((1, 1))
    )
    with pytest.raises(ModelsError, match=r"t\.npz is not a feature table"):
        FeatureTable.load(path)
