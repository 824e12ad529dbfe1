"""Feature extraction of 1,000 real JPEGs: against the network alone, against a plain loop, and run again.

python tests/benchmarks/extract.py

The ways take turns, so that whatever else the machine does meets all of them; ratios are medians over the
turns. The network and the extraction see all images in each turn, what is much slower sees one batch.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from figures import Figure, report
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import models.torchvision_operators  # noqa: F401  # before timm
from models.encoders import NetworkEncoder, open_encoder
from models.encoders.grid import GridPooling
from models.encoders.running import CpuRunner
from models.encoders.timm_models import WHOLE_IMAGE, data_config
from models.encoders.weights import headless_model
from models.features.extraction import extract
from models.features.store import FeatureStore
from models.images import ImageRecord, image_digest, open_image
from pipelines.config import EncoderSection
from pipelines.stages.encode import encoder_spec
from pipelines.weights import find_weights

XRAYS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "xray"
SOURCES = ("iu", "nih", "guangzhou")
IMAGES, TURNS, BATCH = 1000, 3, 64

Vectors = NDArray[np.float32]


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def records() -> list[ImageRecord]:
    """1,000 X-rays spread evenly over the sources."""
    files = sorted(file for source in SOURCES for file in (XRAYS / source).rglob("*.jpg"))
    chosen = files[:: max(1, len(files) // IMAGES)][:IMAGES]
    return [ImageRecord(file.name, file, None, {}) for file in chosen]


class NetworkAlone:
    """The encoder's network on pixels that are ready: floats, scaled, in memory; as the encoder runs it.

    Args:
        encoder: Ours.
    """

    def __init__(self, encoder: NetworkEncoder) -> None:
        runner = encoder._runner  # the network by itself has no name outside
        assert isinstance(runner, CpuRunner), "the figures are those of a CPU"
        self.encoder, self.runner = encoder, runner

    def ready(self, part: Sequence[ImageRecord]) -> list[torch.Tensor]:
        """Batches `(b, 3, h, w) float32` as the network takes them."""
        pixels = np.stack([self.encoder.prepare(open_image(record.path)) for record in part])
        scaled = self.runner.scaling(torch.from_numpy(pixels))
        return [scaled[start : start + BATCH] for start in range(0, len(scaled), BATCH)]

    def one(self, batch: torch.Tensor) -> Vectors:
        """Vectors `(b, d)`."""
        with torch.inference_mode():
            values: Vectors = self.runner.model(batch).numpy()
        return values

    def __call__(self, batches: Sequence[torch.Tensor]) -> Vectors:
        """Vectors `(n, d)`; each core works on an image of its own."""
        images = ([batch[n : n + 1] for n in range(len(batch))] for batch in batches)
        return np.concatenate([value for each in images for value in self.runner.pool.map(self.one, each)])

    def on_one_batch(self, batch: torch.Tensor) -> Vectors:
        """Vectors `(b, d)`; all cores work on the same layer of all images."""
        return self.one(batch)


class PlainLoop:
    """Open, resize and scale with timm's own transform, stack, forward: what one writes without us.

    The network computes the same features, and stops at the same layer.
    """

    def __init__(self, section: EncoderSection) -> None:
        from timm.data.transforms_factory import create_transform  # takes seconds

        network = headless_model(section.architecture, find_weights(section.weights))
        self.transform = create_transform(**data_config(network) | WHOLE_IMAGE)
        self.network: nn.Module = GridPooling(network, stride=section.stride, cells=section.cells).eval()

    def __call__(self, part: Sequence[ImageRecord]) -> Vectors:
        """Vectors `(n, d)`."""
        found = []
        for start in range(0, len(part), BATCH):
            images = [Image.open(record.path).convert("RGB") for record in part[start : start + BATCH]]
            pixels = torch.stack([self.transform(image) for image in images])
            with torch.inference_mode():
                found.append(self.network(pixels))
        return np.asarray(torch.cat(found).numpy())


def turns(folder: Path, images: Sequence[ImageRecord]) -> tuple[list[list[float]], float]:
    """Seconds an image in each turn (alone, ours, plain loop, alone by batch), and of all once more."""
    section = EncoderSection()
    encoder = open_encoder(encoder_spec(section))
    assert isinstance(encoder, NetworkEncoder)
    alone, plain = NetworkAlone(encoder), PlainLoop(section)
    digests = {record.id: image_digest(record.path) for record in images}

    def ours(name: str, part: Sequence[ImageRecord]) -> Vectors:
        """Into a store and a table of that name."""
        store, target = FeatureStore(folder / "stores" / name), folder / "tables" / name
        return extract(part, encoder, store, target=target, digests=digests, batch=BATCH).values

    batches, warm_up = alone.ready(images), images[:BATCH]
    first = ours("warm up", warm_up)
    np.testing.assert_allclose(alone(batches[:1]), first, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(plain(warm_up), first, rtol=1e-3, atol=1e-3)
    found = []
    for turn in range(TURNS):
        one_batch = images[turn * BATCH : (turn + 1) * BATCH]
        ways = (
            partial(alone, batches),
            partial(ours, str(turn), images),
            partial(plain, one_batch),
            partial(alone.on_one_batch, batches[turn]),
        )
        counts = (len(images), len(images), BATCH, BATCH)
        found.append([seconds(way) / count for way, count in zip(ways, counts, strict=True)])
    return found, median(seconds(partial(ours, "0", images)) for _ in range(5))


def measure() -> dict[str, Figure]:
    """Ratios to the network alone, to a plain loop, and of a warm run to the cold one."""
    images = records() if XRAYS.is_dir() else []
    if len(images) < IMAGES:
        print(f"skipped: fewer than {IMAGES:,} X-rays at {XRAYS}")
        return {}
    with tempfile.TemporaryDirectory(prefix="knobo-extract-") as folder:
        found, warm = turns(Path(folder), images)
    alone, ours, plain, batched = (1 / median(turn[way] for turn in found) for way in range(4))
    setting = f"{IMAGES:,} X-rays, default encoder, batch {BATCH}, {torch.get_num_threads()} threads"
    return {
        "extract.images_per_s": Figure(ours, "images/s", f"from files to the table; {setting}"),
        "extract.share_of_forward": Figure(
            median(turn[0] / turn[1] for turn in found),
            "ratio",
            f"{ours:.0f} images/s against {alone:.0f} of the network on ready floats, a core each; {setting}",
        ),
        "extract.share_of_batched_forward": Figure(
            median(turn[3] / turn[1] for turn in found),
            "ratio",
            f"against {batched:.0f} images/s of the same network with all cores on each batch; {setting}",
        ),
        "extract.ratio_plain_loop": Figure(
            median(turn[2] / turn[1] for turn in found),
            "ratio",
            f"against {plain:.0f} images/s of opening, timm's transform, stacking, plain forward; {setting}",
        ),
        "extract.ratio_warm": Figure(
            IMAGES / ours / warm,
            "ratio",
            f"{IMAGES / ours:.1f} s cold, then {1000 * warm:.0f} ms; digests of the files known; {setting}",
        ),
    }


if __name__ == "__main__":
    report(measure())
