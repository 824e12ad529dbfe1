from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.encoders.devices import available_device, chosen_precision
from models.encoders.fitting import LARGEST, Fit, run_fitting
from models.encoders.network import GROUP_BYTES, affordable
from models.encoders.running import CpuRunner, GpuRunner, PixelScaling
from models.encoders.tracing import traced
from models.encoders.workers import one_core_each
from models.errors import ModelsError

SCALING = PixelScaling((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


class Memory:
    """A device that holds `room` images; what it computes is the sum of each."""

    def __init__(self, room: int) -> None:
        self.room, self.released = room, 0
        self.asked: list[int] = []

    def sums(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked.append(len(pixels))
        if len(pixels) > self.room:
            raise torch.OutOfMemoryError("full")
        sums: NDArray[np.float32] = (
            pixels.reshape(len(pixels), -1).sum(axis=1, keepdims=True).astype(np.float32)
        )
        return sums

    def release(self) -> None:
        self.released += 1


def images(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("room", [1, 2, 5, 16, 64, 100, 10**6])
@pytest.mark.parametrize("count", [1, 7, 64, 1000])
def test_every_image_is_computed_once_and_in_order_whatever_the_memory(room: int, count: int) -> None:
    memory = Memory(room)
    values, fit = run_fitting(memory.sums, images(count), Fit(), release=memory.release)
    np.testing.assert_array_equal(values, images(count).reshape(count, -1).sum(axis=1, keepdims=True))
    assert sum(size for size in memory.asked if size <= room) == count
    assert memory.released == sum(size > room for size in memory.asked)
    assert fit.refused is None or fit.size < fit.refused


def test_a_batch_shrinks_to_what_fits_and_never_asks_again_for_what_did_not() -> None:
    memory = Memory(20)
    _, fit = run_fitting(memory.sums, images(200), Fit(64), release=memory.release)
    assert memory.asked[:3] == [64, 32, 16]
    assert memory.asked.count(32) == 1
    assert fit == Fit(16, refused=32)
    memory.asked.clear()
    run_fitting(memory.sums, images(200), fit, release=memory.release)
    assert max(memory.asked) == 16


def test_a_batch_grows_while_it_fits() -> None:
    memory = Memory(10**6)
    _, fit = run_fitting(memory.sums, images(3000), Fit(64), release=memory.release)
    assert memory.asked == [64, 128, 256, 512, 1024, 1016]
    assert fit == Fit(LARGEST)


def test_one_image_that_does_not_fit_is_an_error() -> None:
    memory = Memory(0)
    with pytest.raises(torch.OutOfMemoryError):
        run_fitting(memory.sums, images(8), Fit(4), release=memory.release)
    assert memory.asked == [4, 2, 1]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 5)).eval()


def expected(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    mean, std = np.array(SCALING.mean), np.array(SCALING.std)
    scaled = torch.from_numpy(((pixels / 255 - mean) / std).astype(np.float32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        values: NDArray[np.float32] = network()(scaled).numpy()
    return values


def test_both_runners_give_the_vectors_of_the_network() -> None:
    cpu = CpuRunner(network(), SCALING, precision=torch.float32)
    np.testing.assert_allclose(cpu.run(images(9)), expected(images(9)), rtol=1e-4, atol=1e-5)
    batched = GpuRunner(network(), SCALING, device=torch.device("cpu"), precision=torch.float32)
    np.testing.assert_allclose(batched.run(images(9)), expected(images(9)), rtol=1e-4, atol=1e-5)


def test_pixels_that_cannot_be_written_to_are_read() -> None:
    pixels = images(2)
    pixels.flags.writeable = False
    assert CpuRunner(network(), SCALING, precision=torch.float32).run(pixels).shape == (2, 5)


def test_lower_precision_stays_within_two_percent() -> None:
    lower = CpuRunner(network(), SCALING, precision=torch.bfloat16).run(images(9))
    assert lower.dtype == np.float32
    largest = np.abs(expected(images(9))).max()
    assert 0 < np.abs(lower - expected(images(9))).max() < 0.02 * largest


def test_a_device_without_room_for_one_image_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = GpuRunner(network(), SCALING, device=torch.device("cpu"), precision=torch.float32)
    monkeypatch.setattr(runner, "batch", Memory(0).sums)
    with pytest.raises(ModelsError, match="the memory of cpu does not hold one image"):
        runner.run(images(3))


class Noting(nn.Module):
    """Notes whether products may be shortened to TF32 while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, pixels: Tensor) -> Tensor:
        self.seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))
        return pixels.flatten(1)


@pytest.fixture
def shortening() -> Iterator[None]:
    """A process in which somebody allows TF32 everywhere."""
    convolutions, matrices = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, matrices.allow_tf32
    convolutions.allow_tf32 = matrices.allow_tf32 = True
    yield
    convolutions.allow_tf32, matrices.allow_tf32 = before


@pytest.mark.usefixtures("shortening")
def test_float32_is_not_shortened_on_a_gpu_and_the_settings_of_others_are_given_back() -> None:
    for precision, allowed in ((torch.float32, False), (torch.bfloat16, True)):
        model = Noting()
        GpuRunner(model, SCALING, device=torch.device("cpu"), precision=precision).run(images(2))
        assert model.seen == [(allowed, allowed)]
        assert torch.backends.cudnn.allow_tf32
        assert torch.backends.cuda.matmul.allow_tf32


def test_groups_are_bounded_by_their_pixels() -> None:
    assert GpuRunner(network(), SCALING, device=torch.device("cpu"), precision=torch.float32).group == LARGEST
    assert CpuRunner(network(), SCALING, precision=torch.float32).group is None
    assert affordable(LARGEST, image_bytes=3 * 224 * 224) == LARGEST
    assert affordable(LARGEST, image_bytes=3 * 1024 * 1024) == GROUP_BYTES // (3 * 1024 * 1024) < 64
    assert affordable(LARGEST, image_bytes=10**9) == 1
    assert affordable(None, image_bytes=1) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_vectors_of_the_network_in_mixed_precision() -> None:
    runner = GpuRunner(network(), SCALING, device=torch.device("cuda"), precision=torch.float16)
    largest = np.abs(expected(images(200))).max()
    assert np.abs(runner.run(images(200)) - expected(images(200))).max() < 0.005 * largest


def test_precision_follows_the_device_unless_it_is_named() -> None:
    assert chosen_precision("auto", torch.device("cpu")) == torch.float32
    assert chosen_precision("auto", torch.device("cuda")) == torch.float16
    assert chosen_precision("bfloat16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(ModelsError, match="precision 'half' is unknown; use auto, float32"):
        chosen_precision("half", torch.device("cpu"))  # type: ignore[arg-type]
    assert available_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_workers_use_one_core_and_other_threads_keep_theirs() -> None:
    before = torch.get_num_threads()
    with one_core_each(3) as pool, ThreadPoolExecutor(1) as other:
        assert list(pool.map(lambda _: torch.get_num_threads(), range(9))) == [1] * 9
        assert torch.get_num_threads() == before
        assert other.submit(torch.get_num_threads).result() == before


def test_a_traced_network_gives_the_same_outputs() -> None:
    model, example = network(), torch.rand(1, 3, 8, 8)
    graph, other = traced(model, example), torch.rand(1, 3, 8, 8)
    assert graph is not model
    with torch.no_grad():
        torch.testing.assert_close(graph(other), model(other))


class Deciding(nn.Module):
    """A network whose path depends on the values of its input."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1) * (2 if pixels.sum() > 0 else 3)


class Strange(nn.Module):
    """A network that no graph can hold."""

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(pixels.tolist(), dtype=np.float32)).flatten(1)[:, : len(str(self))]


@pytest.mark.parametrize("model", [Deciding(), Strange()])
def test_a_network_that_is_no_fixed_graph_is_left_as_it_is(model: nn.Module) -> None:
    assert traced(model, torch.rand(1, 3, 8, 8)) is model
