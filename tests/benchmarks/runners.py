"""Measures how much faster two worker processes of one thread each are than one, on wide stages.

    python tests/benchmarks/runners.py [--json FILE]

The parts of `encode` (default network, on images drawn here) and of `annotate` (rules, on reports put
together from sentences of the shipped handbook) are given to the first worker of a Dask cluster alone and
then to both, in turns, each time with an empty cache. The same run tells what an image and a report cost.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from annotation_speed import QUESTIONS  # noqa: E402
from figures import Figure, report  # noqa: E402

import models.torchvision_operators  # noqa: E402, F401 # before timm
import pipelines.prefect_environment  # noqa: E402, F401 # before Prefect
from knowledge.concepts import ConceptBank, make_concept  # noqa: E402
from models.images import ImageRecord, image_digest  # noqa: E402
from pipelines.config import load_config  # noqa: E402
from pipelines.config.runner import RunnerSection  # noqa: E402
from pipelines.images_table import ImagesTable, write_images  # noqa: E402
from pipelines.run import Run  # noqa: E402
from pipelines.runners.dask_cluster import dask_runner  # noqa: E402
from pipelines.stages import STAGES  # noqa: E402
from pipelines.weights import cache_directory, find_weights  # noqa: E402

IMAGES = int(os.environ.get("RUNNERS_IMAGES", "320"))
REPORTS = int(os.environ.get("RUNNERS_REPORTS", "16000"))
SIDE = 256
PARTS, TURNS = 4, int(os.environ.get("RUNNERS_TURNS", "3"))
SENTENCES = 6
CONFIG = """
name = "wide"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "abnormal", general = true }]
literature = [{ name = "handbook", kind = "markdown", path = "demo-handbook:chest_xray" }]
datasets = [{ name = "drawn", manifest = "images.csv" }]
splits = [{ name = "plain", kind = "plain", datasets = ["drawn"], classes = ["normal", "abnormal"] }]
annotation = { lexicon = ["chest_xray"] }
grounding = { datasets = ["drawn"] }
"""


def make_run(folder: Path) -> Path:
    """A run whose images and concepts are there; its configuration file."""
    (folder / "images.csv").write_text("image,label\n", encoding="utf-8")
    path = folder / "wide.toml"
    path.write_text(CONFIG, encoding="utf-8")
    run = Run(folder / "runs" / "wide", load_config(path))
    run.directory.mkdir(parents=True)
    images = [draw(folder / f"{number}.png", seed=number) for number in range(IMAGES)]
    texts, digests = made_reports(), [image_digest(image) for image in images]
    records = tuple(
        ImageRecord(f"drawn/{number}", images[number % IMAGES], None, {}, report=text)
        for number, text in enumerate(texts)
    )
    of_record = tuple(digests[number % IMAGES] for number in range(REPORTS))
    write_images(run.path("images.parquet"), ImagesTable(records, ("drawn",) * REPORTS, of_record))
    ConceptBank(tuple(make_concept(question, (), "", origin="expert") for question in QUESTIONS)).save(
        run.path("concepts.jsonl")
    )
    return path


def draw(path: Path, *, seed: int) -> Path:
    """Grey noise: a network takes as long for it as for anything else."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def made_reports() -> list[str]:
    """Sentences of the handbook at random, a few a report."""
    stream = random.Random(0)
    folder = ROOT / "pipelines" / "demo" / "handbook" / "chest_xray"
    lines = [line for file in sorted(folder.glob("*.md")) for line in file.read_text("utf-8").splitlines()]
    sentences = [line for line in lines if line.endswith(".") and len(line) < 200]
    return [" ".join(stream.sample(sentences, SENTENCES)) for _ in range(REPORTS)]


def part_of(name: str, part: int, config: str, runs: str, cache: str) -> int:
    """One part of a stage, in a worker, with a cache of its own."""
    os.environ["KNOBO_CACHE"] = cache
    (stage,) = (stage for stage in STAGES if stage.name == name)
    assert stage.part is not None
    loaded = load_config(Path(config))
    stage.part(Run(Path(runs) / loaded.name, loaded), part, PARTS)
    return part


def seconds(client: Any, workers: Sequence[str], name: str, config: Path, cache: Path) -> float:
    """Of all parts of a stage on some workers, the cache empty but for the weights."""
    cache.mkdir()
    (cache / "weights").symlink_to((cache_directory() / "weights").absolute())
    started = time.perf_counter()
    place = (str(config), str(config.parent / "runs"), str(cache))
    waiting = [
        client.submit(part_of, name, part, *place, workers=list(workers), pure=False) for part in range(PARTS)
    ]
    client.gather(waiting)
    return time.perf_counter() - started


def measure() -> dict[str, Figure]:
    """One worker and two in turns, first a round that nobody times."""
    find_weights("efficientnet-lite0")
    section, number = RunnerSection(kind="dask", workers=2, cores=1), count()
    with tempfile.TemporaryDirectory() as folder, dask_runner(section) as runner:
        config, client = make_run(Path(folder)), runner.client  # type: ignore[attr-defined] # of the Dask runner
        client.wait_for_workers(2)
        both = sorted(client.scheduler_info(n_workers=-1)["workers"])
        figures: dict[str, Figure] = {}
        for name, units, unit in (("encode", IMAGES, "an image"), ("annotate", REPORTS, "a report")):
            seconds(client, both, name, config, Path(folder, f"cache{next(number)}"))
            one = two = 0.0
            for _ in range(TURNS):
                one += seconds(client, both[:1], name, config, Path(folder, f"cache{next(number)}"))
                two += seconds(client, both, name, config, Path(folder, f"cache{next(number)}"))
            how = f"{units:,} in {PARTS} parts, one thread a worker, {TURNS} turns"
            figures[f"runners.{name}.two_workers"] = Figure(one / two, "times one worker", how)
            figures[f"runners.{name}.unit"] = Figure(
                1e3 * one / TURNS / units, f"ms, {unit} on one thread", how
            )
    return figures


if __name__ == "__main__":
    report(measure())
