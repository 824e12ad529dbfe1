from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knowledge.concepts import ConceptBank, make_concept
from models.cores import VARIABLE, usable_cores
from models.images import ImageRecord, image_digest
from pipelines.config import load_config
from pipelines.config.runner import RunnerSection
from pipelines.digests import content_digest
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import Run, Stage
from pipelines.runners.worker import environment
from pipelines.stages import STAGES, annotate, encode

CONFIG = """
name = "wide"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
splits = [{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
encoder = { kind = "pixels" }
fine_tune = { enabled = false }
annotation = { lexicon = ["chest_xray"] }
grounding = { datasets = ["images"] }
"""
SENTENCES = ("The heart is enlarged.", "No pleural effusion.", "The lungs are clear.")
IMAGES, REPORTS = 7, 1100  # reports of three shards


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("The lungs are clear.")
    (tmp_path / "images.csv").write_text("image,label\n")
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path / "c.toml"


@pytest.fixture
def run(tmp_path: Path, config: Path) -> Run:
    made = Run(tmp_path / "run", load_config(config))
    made.directory.mkdir()
    for number in range(IMAGES):
        pixels = np.full((16, 16), 20 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number % IMAGES}.png" for number in range(REPORTS)]
    digests = [image_digest(path) for path in paths[:IMAGES]]
    records = tuple(
        ImageRecord(f"images/{number}", path, None, {}, report=SENTENCES[number % 3])
        for number, path in enumerate(paths)
    )
    table = ImagesTable(
        records, ("images",) * REPORTS, tuple(digests[number % IMAGES] for number in range(REPORTS))
    )
    write_images(made.path("images.parquet"), table)
    questions = ("Is the heart enlarged?", "Is there a pleural effusion?")
    bank = ConceptBank(tuple(make_concept(question, (), "", origin="expert") for question in questions))
    bank.save(made.path("concepts.jsonl"))
    return made


def with_cache(patch: pytest.MonkeyPatch, folder: Path) -> Path:
    patch.setenv("KNOBO_CACHE", str(folder))
    return folder


def test_features_made_in_parts_are_those_made_as_a_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cache(monkeypatch, tmp_path / "whole")
    encode.encode(run)
    whole = content_digest(run.path("features"))
    with_cache(monkeypatch, tmp_path / "parts")
    for part in (2, 0, 1):
        encode.encode_part(run, part, 3)
    for path in tmp_path.glob("*.png"):
        path.rename(path.with_suffix(".gone"))  # the stage finds every vector in the store
    encode.encode(run)
    assert content_digest(run.path("features")) == whole


def test_answers_made_in_parts_are_those_made_as_a_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cache(monkeypatch, tmp_path / "whole")
    annotate.annotate(run)
    whole = content_digest(run.path("annotations.parquet"))
    cache = with_cache(monkeypatch, tmp_path / "parts")
    kept = []
    for part in (1, 0):
        annotate.annotate_part(run, part, 2)
        kept.append({path: path.stat().st_mtime_ns for path in cache.rglob("*.parquet")})
    assert [len(each) for each in kept] == [1, 3]
    annotate.annotate(run)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.parquet")} == kept[-1]
    assert content_digest(run.path("annotations.parquet")) == whole


def note_stages(directory: Path, config: Path, names: list[str]) -> None:
    run = Run(directory, load_config(config))
    for name in names:
        run.execute(Stage(name, 1, (), (), (f"{name}.txt",), Written(name)))


class Written:
    """Stage work that writes its own name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, run: Run) -> None:
        run.path(f"{self.name}.txt").write_text(self.name)


def test_stages_that_end_at_once_in_several_processes_are_all_recorded(run: Run, config: Path) -> None:
    names = [[f"{worker}-{number}" for number in range(8)] for worker in ("a", "b", "c")]
    fork = get_context("fork")  # a spawned process would import torch again
    workers = [fork.Process(target=note_stages, args=(run.directory, config, each)) for each in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(run.records()) == sorted(name for each in names for name in each)


def test_wide_stages_have_parts() -> None:
    assert {stage.name for stage in STAGES if stage.part is not None} == {
        "index",
        "encode",
        "annotate",
        "fit",
        "fine_tune",
    }


@pytest.mark.parametrize(
    ("section", "parts", "shards"),
    [
        (RunnerSection(), 1, 1),
        (RunnerSection(workers=8), 3, 3),
        (RunnerSection(kind="dask", workers=8), 1, 8),
        (RunnerSection(kind="ray", workers=2), 16, 16),
    ],
)
def test_every_worker_of_a_cluster_has_a_part(section: RunnerSection, parts: int, shards: int) -> None:
    assert section.shards(parts) == shards


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        ('{ address = "tcp://127.0.0.1:8786" }', "threads have no address"),
        (
            '{ kind = "dask", address = "tcp://127.0.0.1:8786", cores = 2 }',
            "the cores they were started with",
        ),
        ('{ kind = "spark" }', "'threads', 'dask' or 'ray'"),
    ],
)
def test_a_runner_that_cannot_be_is_refused(config: Path, runner: str, message: str) -> None:
    config.write_text(f"{CONFIG}runner = {runner}\n")
    with pytest.raises(PipelineError, match=message):
        load_config(config)


def test_the_runner_decides_no_result(run: Run, config: Path) -> None:
    config.write_text(f'{CONFIG}runner = {{ kind = "dask", workers = 9 }}\n')
    other = Run(run.directory, load_config(config))
    (stage,) = (stage for stage in STAGES if stage.name == "encode")
    assert other.stage_digest(stage) == run.stage_digest(stage)


def test_processes_share_the_cores_and_the_cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment(RunnerSection(kind="dask", workers=2, cores=3))
    assert given["KNOBO_CACHE"] == str(own_cache)
    assert {given["OMP_NUM_THREADS"], given[VARIABLE]} == {"3"}
    monkeypatch.setenv(VARIABLE, given[VARIABLE])
    assert usable_cores() == 3
