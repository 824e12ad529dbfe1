"""The API under load: images answered a second beside images encoded a second, and memory.

python tests/benchmarks/api_load.py [--seconds 60] [--requests 10000]

`knobo api` serves a run with the default image encoder and 40 concepts in a process of its own; 16 clients in
another process each send an image as soon as their last one is answered. Stretches of load take turns with
two kinds of work offline: what the encode stage of `knobo run` does with the same files, from reading them to
vectors in the store, and, more strictly, what its network does with pixels that are in memory, which pays
for no decoding at all. The server's share of either pays for HTTP, the answers and the clients, too. The
strict one is also given in processor time, which other work on the machine changes less. All have a thread a
core, whatever OMP_NUM_THREADS says: one thread alone is cheaper an image than two that share memory.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import torch
from figures import Figure, report
from numpy.typing import NDArray

import models.torchvision_operators  # noqa: F401  # before timm
from models.features.extraction import extract
from models.features.store import FeatureStore
from models.images import ImageRecord, image_digest
from pipelines.api.served import ServedRun
from pipelines.config import EncoderSection
from pipelines.stages.encode import configured_encoder

TESTS = Path(__file__).resolve().parents[1]
sys.path += [
    str(TESTS / "pipelines"),
    str(TESTS / "soak"),
]  # the run and the clients are helpers of the tests

from api_example import make_run  # noqa: E402
from load_client import Load  # noqa: E402

CLIENTS, STRETCHES, CONCEPTS, IMAGES, SIDE, PARTS = 16, 4, 40, 256, 224, 10
OFFLINE = 5.0  # seconds of a stretch of encoding
TICKS = os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Images that were encoded, and the seconds and the processor seconds that it took."""

    images: int
    wall: float
    cpu: float


def make_images(folder: Path) -> None:
    """Smooth grey PNGs, as X-rays are."""
    from PIL import Image

    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(IMAGES):
        coarse = Image.fromarray(generator.integers(0, 256, (14, 14), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:03}.png")


@contextmanager
def served(run: Path) -> Iterator[tuple[str, int]]:
    """Address and process of a server that is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "api", str(run)]
    threads = os.environ | {"OMP_NUM_THREADS": str(CORES)}
    with (
        (run.parent / "server.log").open("wb") as log,
        subprocess.Popen([*command, "--port", str(port)], stdout=log, stderr=log, env=threads) as server,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{url}/readyz", server)
            yield url, server.pid
        finally:
            server.terminate()
            server.wait(60)


def wait_for(url: str, server: "subprocess.Popen[bytes]", *, seconds: float = 180) -> None:
    """Until the server is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError("the server did not become ready")


def cpu_seconds(process: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(process: int) -> float:
    """MB of memory of a process."""
    status = Path(f"/proc/{process}/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def network(run: ServedRun, pixels: NDArray[np.uint8], seconds: float) -> Stretch:
    """What the encoder does alone, as many images at a time as a run gives it."""
    cpu, started, images = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        run.encoder.encode(pixels)
        images += len(pixels)
    return Stretch(images, time.perf_counter() - started, time.process_time() - cpu)


def stage(run: ServedRun, records: list[ImageRecord], seconds: float) -> Stretch:
    """What the encode stage does with files that it has not seen before."""
    cpu, started, images = time.process_time(), time.perf_counter(), 0
    digests = {record.id: image_digest(record.path) for record in records}
    while time.perf_counter() < started + seconds:
        with tempfile.TemporaryDirectory() as empty:
            store, target = FeatureStore(Path(empty) / "store"), Path(empty) / "features"
            extract(records, run.encoder, store, target=target, digests=digests)
        images += len(records)
    return Stretch(images, time.perf_counter() - started, time.process_time() - cpu)


def load(url: str, folder: Path, *, seconds: float, requests: int = 1_000_000) -> Load:
    """What the clients met."""
    command = [sys.executable, str(TESTS / "soak" / "load_client.py"), url, str(folder)]
    options = ["--clients", str(CLIENTS), "--seconds", str(seconds), "--requests", str(requests)]
    done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    return Load(**json.loads(done.stdout))


def measure() -> dict[str, Figure]:
    """One server, some stretches of load among stretches of encoding."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60, help="of load, all stretches together")
    options.add_argument("--requests", type=int, default=0, help="to send afterwards, for the memory")
    asked = options.parse_known_args()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_images(folder / "images")
        width = configured_encoder(EncoderSection()).dimension
        run = make_run(folder / "run", encoder="{}", dimension=width, signs=CONCEPTS - 2)
        with served(run) as (url, server):
            return figures(run, folder / "images", url, server, asked)


def figures(
    directory: Path, images: Path, url: str, server: int, asked: argparse.Namespace
) -> dict[str, Figure]:
    """Of a server that is ready."""
    torch.set_num_threads(CORES)  # before the encoder is opened, which keeps their number
    run = ServedRun.open(directory)
    files = [path.read_bytes() for path in sorted(images.iterdir())]
    decoded = [run.read(data, media_type="image/png", pixels=SIDE**2) for data in files]
    pixels = np.stack([run.encoder.prepare(image) for image in decoded])
    records = [ImageRecord(path.name, path, None, {}) for path in sorted(images.iterdir())]
    network(run, pixels, 1)
    load(url, images, seconds=1)
    alone, staged, together, found = [network(run, pixels, OFFLINE)], [stage(run, records, OFFLINE)], [], []
    for _ in range(STRETCHES):
        cpu = cpu_seconds(server)
        found.append(load(url, images, seconds=asked.seconds / STRETCHES))
        together.append(Stretch(found[-1].predictions, found[-1].lasted, cpu_seconds(server) - cpu))
        staged.append(stage(run, records, OFFLINE))
        alone.append(network(run, pixels, OFFLINE))
    memory = memory_figures(url, images, server, asked.requests) if asked.requests else {}
    return rates(alone, staged, together) | times(found) | memory


def rates(alone: list[Stretch], staged: list[Stretch], together: list[Stretch]) -> dict[str, Figure]:
    """Images a second, and how the ways of encoding compare."""
    network_rate, stage_rate, served_rate = (
        sum(e.images for e in each) / sum(e.wall for e in each) for each in (alone, staged, together)
    )
    network_cost, served_cost = (
        sum(e.cpu for e in each) / sum(e.images for e in each) for each in (alone, together)
    )
    return {
        "api.network": Figure(
            network_rate, "images/s", f"the encoder alone, {CORES} threads, pixels in memory"
        ),
        "api.stage": Figure(stage_rate, "images/s", "the encode stage, the same files, an empty store"),
        "api.served": Figure(served_rate, "images/s", f"{CLIENTS} clients, each sends when it is answered"),
        "api.share": Figure(
            served_rate / stage_rate, "ratio", "served / encode stage, clients on the same cores"
        ),
        "api.share_of_network": Figure(
            served_rate / network_rate, "ratio", "served / encoder alone, clients on the same cores"
        ),
        "api.share_of_cpu": Figure(
            network_cost / served_cost, "ratio", "processor time of an image, encoder alone / served"
        ),
    }


def times(found: list[Load]) -> dict[str, Figure]:
    """Seconds to answer, and answers that were none."""
    seconds = np.concatenate([each.seconds for each in found])
    p50, p95, p99 = np.quantile(seconds, (0.5, 0.95, 0.99))
    how = f"{len(seconds):,} requests of {CLIENTS} clients"
    return {
        "api.failed": Figure(sum(each.failed for each in found), "answers", how),
        "api.p50": Figure(float(p50), "s", how),
        "api.p95": Figure(float(p95), "s", how),
        "api.p99": Figure(float(p99), "s", how),
    }


def memory_figures(url: str, images: Path, server: int, requests: int) -> dict[str, Figure]:
    """Growth of the server over so many requests, after those before."""
    sizes, failed = [resident(server)], 0
    for _ in range(PARTS):
        failed += load(url, images, seconds=600, requests=requests // PARTS).failed
        sizes.append(resident(server))
    slope = np.polyfit(np.arange(len(sizes)) * requests / PARTS, sizes, 1)[0]
    how = f"{requests:,} requests, {failed} failed; the slope through {len(sizes)} readings"
    return {
        "api.memory": Figure(sizes[-1], "MB", "resident, at the end"),
        "api.memory_growth": Figure(float(slope) * 10_000, "MB in 10,000 requests", how),
    }


if __name__ == "__main__":
    report(measure())
