import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from models.encoders.fitting import Fit, run_fitting
from models.errors import ModelsError
from models.features.extraction import extract
from models.features.store import FeatureStore
from models.images import ImageRecord, image_digest


class MeanColour:
    """An encoder whose vectors are easy to know: the mean of each channel."""

    digest = "mean-colour"
    dimension = 3
    group: int | None = None

    def __init__(self) -> None:
        self.encoded = 0
        self.fails_after = 10**9
        self.lock = Lock()

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(image)

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self.lock:  # several cores encode at a time
            if self.encoded + len(pixels) > self.fails_after:
                raise KeyboardInterrupt
            self.encoded += len(pixels)
        return np.asarray(pixels.astype(np.float32).mean(axis=(1, 2)))


@pytest.fixture(params=[None, 1], ids=["by core", "together"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MeanColour, "group", request.param)


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


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "features"


class OnADevice(MeanColour):
    """Mean colours from a device that holds `room` images."""

    group: int | None = 64

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.fit = room, Fit(4)
        self.handed: list[int] = []
        self.done: list[int] = []

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.handed.append(len(pixels))
        values, self.fit = run_fitting(self.attempt, pixels, self.fit, release=lambda: None)
        return values

    def attempt(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(pixels) > self.room:
            raise torch.OutOfMemoryError("full")
        self.done.append(len(pixels))
        return super().encode(pixels)


def digests_of(records: Sequence[ImageRecord]) -> list[str]:
    return [image_digest(record.path) for record in records]


def expected(records: Sequence[ImageRecord]) -> NDArray[np.float32]:
    return mean_colours([Image.open(record.path).convert("RGB") for record in records])


@pytest.mark.parametrize(
    ("room", "done"),
    [(10**6, [4, 8, 16, 32, 64, 26]), (20, [4, 8, 16, 16, 16, 16, 16, 16, 16, 16, 10])],
)
def test_groups_grow_to_what_the_encoder_asks_for_and_it_to_what_its_memory_holds(
    tmp_path: Path, store: FeatureStore, target: Path, room: int, done: list[int]
) -> None:
    records, encoder = make_records(tmp_path, 150), OnADevice(room)
    table = extract(records, encoder, store, target=target, batch=4)
    assert encoder.handed == [4, 8, 16, 32, 64, 26]
    assert encoder.done == done
    np.testing.assert_allclose(table.values, expected(records), rtol=1e-6)


def test_a_group_larger_than_the_encoder_asks_for_is_left_as_it_is(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    encoder = OnADevice(10**6)
    encoder.group = 2
    extract(records, encoder, store, target=target, batch=7)
    assert encoder.handed == [7, 7, 6]


def test_each_record_gets_the_vector_of_its_image(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    told: list[tuple[int, int]] = []
    encoder = MeanColour()
    table = extract(
        records[::-1], encoder, store, target=target, batch=8, progress=lambda *now: told.append(now)
    )
    assert table.ids == tuple(record.id for record in records[::-1])
    assert table.columns == ("0", "1", "2")
    np.testing.assert_array_equal(table.values, expected(records[::-1]))
    assert told == [(0, 20), (8, 20), (16, 20), (20, 20)]


def test_a_second_run_encodes_nothing_and_gives_the_same(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    first = extract(records, MeanColour(), store, target=target)
    encoder = MeanColour()
    again = extract(records, encoder, FeatureStore(store.directory), target=target, batch=3)
    assert encoder.encoded == 0
    np.testing.assert_array_equal(again.values, first.values)


def test_after_an_interruption_only_the_rest_is_encoded(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    encoder = MeanColour()
    encoder.fails_after = 15
    with pytest.raises(KeyboardInterrupt):
        extract(records, encoder, store, target=target, batch=6)
    assert encoder.encoded <= 15
    stored = 20 - len(store.vectors(encoder.digest, dimension=3).absent(digests_of(records)))
    assert stored in {6, 12}  # each core is at a part of its own
    rest = MeanColour()
    table = extract(records, rest, store, target=target, batch=6)
    assert rest.encoded == 20 - stored
    np.testing.assert_array_equal(table.values, expected(records))


def test_copies_are_encoded_once(
    records: list[ImageRecord], store: FeatureStore, target: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(records[4].path.read_bytes())
    encoder = MeanColour()
    table = extract([*records, ImageRecord("d/copy", copy, None, {})], encoder, store, target=target, batch=4)
    assert encoder.encoded == 20
    np.testing.assert_array_equal(table.rows(["d/copy"]), table.rows(["d/4"]))


def test_given_digests_are_believed_and_their_files_left_alone_where_the_vector_is_kept(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    digests = {record.id: image_digest(record.path) for record in records}
    digests["d/0"] = ""  # as of a file that could not be read when they were taken
    first = extract(records, MeanColour(), store, target=target, digests=digests)
    np.testing.assert_array_equal(first.values, expected(records))
    for record in records[1:]:
        record.path.unlink()
    again = extract(records, MeanColour(), store, target=target, digests=digests)
    np.testing.assert_array_equal(again.values, first.values)


def test_a_changed_file_is_refused_and_never_gets_the_vector_of_another_content(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    digests = {record.id: image_digest(record.path) for record in records}
    records[2].path.write_bytes(records[3].path.read_bytes())
    with pytest.raises(ModelsError, match=r"1 of 20 .*2\.png changed after it was listed; run again"):
        extract(records, MeanColour(), store, target=target, digests=digests)
    digests["d/2"] = image_digest(records[2].path)
    table = extract(records, MeanColour(), store, target=target, digests=digests)
    np.testing.assert_array_equal(table.values, expected(records))
    records[2].path.write_bytes(b"another image")
    with pytest.raises(ModelsError, match=r"1 of 20 .*2\.png is not"):
        extract(records, MeanColour(), store, target=target)


def test_what_another_process_stored_meanwhile_is_not_encoded_again(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    class Beside(MeanColour):
        def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            if self.encoded == 0:
                extract(records[10:], MeanColour(), store, target=target.with_name("other"))
            return super().encode(pixels)

    encoder = Beside()
    table = extract(records, encoder, store, target=target, batch=5)
    assert encoder.encoded == 10
    np.testing.assert_array_equal(table.values, expected(records))


def test_few_images_are_held_at_once(store: FeatureStore, target: Path, tmp_path: Path) -> None:
    class Watching(MeanColour):
        prepared = 0
        most = 0

        def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
            self.prepared += 1
            return super().prepare(image)

        def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            self.most = max(self.most, self.prepared - self.encoded)
            return super().encode(pixels)

    encoder = Watching()
    extract(make_records(tmp_path, 60), encoder, store, target=target, batch=4)
    assert encoder.encoded == 60
    assert encoder.most <= 4 * 4


def test_broken_images_stop_the_run_after_all_others_are_kept(
    records: list[ImageRecord], store: FeatureStore, target: Path
) -> None:
    records[3].path.write_bytes(b"broken")
    records[7].path.unlink()
    with pytest.raises(ModelsError, match=r"2 of 20 images cannot be used: .*7\.png.*3\.png"):
        extract(records, MeanColour(), store, target=target)
    encoder = MeanColour()
    sound = [record for record in records if record.id not in {"d/3", "d/7"}]
    assert len(extract(sound, encoder, store, target=target).ids) == 18
    assert encoder.encoded == 0


def test_broken_images_can_be_left_out(
    records: list[ImageRecord], store: FeatureStore, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records[3].path.write_bytes(b"broken")
    table = extract(records, MeanColour(), store, target=target, on_broken="skip")
    assert "d/3" not in table.ids
    assert "1 of 20 images cannot be used" in caplog.text


def test_no_image_at_all_is_refused_even_when_skipping(
    store: FeatureStore, target: Path, tmp_path: Path
) -> None:
    gone = ImageRecord("d/gone", tmp_path / "gone.png", None, {})
    with pytest.raises(ModelsError, match="1 of 1 images cannot be used"):
        extract([gone], MeanColour(), store, target=target, on_broken="skip")
    with pytest.raises(ModelsError, match="none was given"):
        extract([], MeanColour(), store, target=target)


def test_an_id_given_twice_is_refused(records: list[ImageRecord], store: FeatureStore, target: Path) -> None:
    with pytest.raises(ModelsError, match="1 image ids occur twice"):
        extract([*records, records[0]], MeanColour(), store, target=target)


def test_a_killed_extraction_goes_on_where_it_stood(
    records: list[ImageRecord], store: FeatureStore, target: Path, tmp_path: Path
) -> None:
    code = """
import sys, time
from pathlib import Path
import numpy as np
from models.features.extraction import extract
from models.features.store import FeatureStore
from models.images import ImageRecord

class Slow:
    digest, dimension, group = "mean-colour", 3, None

    def prepare(self, image):
        return np.asarray(image)

    def encode(self, pixels):
        time.sleep(0.05)
        return pixels.astype(np.float32).mean(axis=(1, 2))

folder = Path(sys.argv[1])
records = [ImageRecord(f"d/{n}", folder / "images" / f"{n}.png", None, {}) for n in range(20)]
extract(records, Slow(), FeatureStore(folder / "store"), target=folder / "torn", batch=2,
        progress=lambda done, _: print(done, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        done = [int(child.stdout.readline()) for _ in range(4)][-1]
        child.kill()
    assert done == 6
    rest = MeanColour()
    table = extract(records, rest, store, target=target)
    assert rest.encoded <= 14
    np.testing.assert_allclose(table.values, expected(records), rtol=1e-6)
