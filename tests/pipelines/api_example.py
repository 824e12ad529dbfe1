"""A small finished run that is made from files, and a server of it on loopback."""

import io
import socket
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
import uvicorn
from PIL import Image

from knowledge.concepts import ConceptBank, Evidence, make_concept
from knowledge.passages import Passage, write_passages
from models.bottleneck import KnoBo
from models.domains import DomainSplit, save_split
from models.encoders.raw_pixels import RawPixels
from models.features.table import FeatureTable
from models.grounding.grounder import ConceptQuality, Grounder, GroundingSettings
from models.images import ImageRecord
from models.scaling import Scaling, ScalingKind
from pipelines.api.app import create_app
from pipelines.api.audits import Auditor, Ledger
from pipelines.api.audits.auditor import WORK
from pipelines.api.metrics import Metrics
from pipelines.api.searching import open_reader
from pipelines.api.serve import server_config
from pipelines.api.served import ServedRun
from pipelines.api.settings import Keys, Limits
from pipelines.digests import content_digest
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import StageRecord
from pipelines.stages import STAGES
from pipelines.status import open_finished

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", folder = "images" }]
splits = [{ name = "one", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
encoder = ENCODER
fine_tune = { enabled = false }
"""
LIMITS = Limits(upload_bytes=200_000, pixels=1_000_000, json_bytes=20_000, seconds_to_send=1.0, waiting=8)
PASSAGE = Passage("p1", "Heart", "The heart is enlarged in failure.", "notes", "CC0", "heart.md, Size")


def make_run(
    folder: Path,
    *,
    encoder: str = '{ kind = "pixels" }',
    dimension: int = RawPixels.dimension,
    signs: int = 0,
) -> Path:
    """A finished run in a folder that is not there yet, with so many more concepts than two."""
    (folder / "notes").mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / "config.toml").write_text(CONFIG.replace("ENCODER", encoder), "utf-8")
    (folder / "audit.json").write_text("{}", "utf-8")
    evidence = Evidence("p1", "The heart is enlarged in failure.", 0)
    questions = ("Is the heart enlarged?", "Is there fluid?", *(f"Is sign {n} seen?" for n in range(signs)))
    bank = ConceptBank(
        tuple(make_concept(each, () if "fluid" in each else (evidence,), "q") for each in questions)
    )
    extra = np.zeros((2, signs), np.float32)
    bank.save(folder / "concepts.jsonl")
    write_passages(folder / "passages.jsonl", [PASSAGE])
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(len(questions), dimension)).astype(np.float32) / 20
    Grounder(
        concept_ids=bank.ids,
        columns=tuple(map(str, range(dimension))),
        weight=weight,
        bias=np.zeros(len(questions), np.float32),
        scaling=Scaling.fit(ScalingKind.NONE, np.zeros((2, dimension))),
        quality=tuple(ConceptQuality(name, 20, 20, 0.8, 0.7, 0.9, 0.7, 0.6, 0.8) for name in bank.ids),
        out_of_fold=FeatureTable((), bank.ids, np.zeros((0, len(questions)), np.float32)),
        ungrounded=(),
        settings=GroundingSettings(),
    ).save(folder / "grounder")
    parts = {
        part: tuple(f"images/{part}{n}" for n in range(10)) for part in ("train", "validation", "in_domain")
    }
    ids = [image for each in parts.values() for image in each]
    label = {image: ("normal", "sick")[place % 2] for place, image in enumerate(ids)}
    split = DomainSplit(
        "one", ("normal", "sick"), "", **parts, shifted=(), label=label, patient={}, checks=()
    )
    save_split(split, folder / "splits" / "one.json")
    scores = FeatureTable(tuple(ids), bank.ids, generator.random((30, len(questions)), dtype=np.float32))
    scores.save(folder / "scores")
    head = KnoBo(
        split.classes,
        bank.ids,
        np.hstack([np.array([[-1, 0.5], [1, -0.5]], np.float32), extra + 0.01]),
        np.hstack([np.array([[-1, 1], [1, -1]], np.float32), extra + 1]),
        Scaling.fit(ScalingKind.CENTER, scores.rows(split.train)),
        {"seed": 0},
    )
    head.save(folder / "models" / "knobo" / "one" / "0")
    records = tuple(ImageRecord(image, Path("x.png"), label[image], {}, None, None) for image in ids)
    write_images(folder / "images.parquet", ImagesTable(records, ("images",) * 30, ("",) * 30))
    note_stages(folder)
    return folder


def note_stages(folder: Path) -> None:
    """A manifest as if every stage had run; call it again after a change that a stage would have made.

    Of artifacts that the made-up run has not, as nobody reads them, it names the digest of an empty file.
    """
    run = open_finished(folder)
    outputs = {
        name: content_digest(run.path(name)) if run.path(name).exists() else sha256().hexdigest()
        for stage in STAGES
        for name in stage.writes
    }
    records = {}
    for stage in STAGES:
        inputs: dict[str, str | None] = {name: outputs[name] for name in stage.reads}
        inputs |= dict.fromkeys(stage.may_read)
        records[stage.name] = StageRecord(
            digest=run.stage_digest(stage, inputs),
            outputs={name: outputs[name] for name in stage.writes},
            seconds=1.0,
            versions={},
            seed=run.config.seed,
            commit="",
            inputs=inputs,
        )
    run.take_over(records)


class Serving:
    """A server in a thread of this process; it starts audits where it has a folder of configurations."""

    def __init__(
        self,
        directory: Path,
        keys: Keys = Keys(),  # noqa: B008 - frozen
        limits: Limits = LIMITS,
        *,
        configurations: Path | None = None,
        work: Sequence[str] = WORK,
    ) -> None:
        metrics = Metrics()
        ledger = Ledger(directory.parent)
        self.run = ServedRun.open(directory)
        self.app = create_app(
            self.run,
            limits=limits,
            keys=keys,
            metrics=metrics,
            reader=open_reader(open_finished(directory)),
            auditor=Auditor(configurations, ledger, metrics, work=work) if configurations else None,
        )
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(server_config(self.app, limits, metrics))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the server did not start; its log says why"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


def png(seed: int = 0, size: tuple[int, int] = (40, 30)) -> bytes:
    values = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()
