"""Writes the demo's data: chest X-ray and dermoscopy phantoms with their tables, once for given settings."""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.demo.cases import Case, Subject, sample_cases
from pipelines.demo.chest import CHEST, draw_chest
from pipelines.demo.reports import write_report
from pipelines.demo.skin import SKIN, draw_skin
from pipelines.errors import PipelineError

VERSION = "2"
"""Part of the digest; raise it whenever the same settings give other pictures or words."""

TRUTH = "truth_"
_MARKER = ".complete.json"


@dataclass(frozen=True, slots=True)
class DemoData:
    """Where the tables of the demo lie.

    Attributes:
        chest: metadata.csv of the chest X-rays.
        skin: metadata.csv of the skin images.
    """

    chest: Path
    skin: Path


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    subject: Subject
    draw: Callable[[Case], NDArray[np.uint8]]
    seed: int
    total: int

    @property
    def digest(self) -> str:
        settings = json.dumps([VERSION, self.subject.name, self.seed, self.total])
        return hashlib.sha256(settings.encode()).hexdigest()

    @property
    def table(self) -> Path:
        return self.path / "metadata.csv"

    def complete(self) -> bool:
        marker = self.path / _MARKER
        return marker.is_file() and json.loads(marker.read_text(encoding="utf-8"))["digest"] == self.digest


def make_demo(
    directory: Path,
    *,
    seed: int = 0,
    chest: int = 1000,
    skin: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> DemoData:
    """Write `chest_xray` and `skin` under `directory`, so many images each, half of them for grounding.

    A folder that is complete for the same settings is left as it is; one begun for them is finished.

    Raises:
        PipelineError: A folder of that name holds something this function did not write.
    """
    folders = (
        _Folder(directory / "chest_xray", CHEST, draw_chest, seed, chest),
        _Folder(directory / "skin", SKIN, draw_skin, seed, skin),
    )
    todo = [folder for folder in folders if not folder.complete()]
    total, done = sum(folder.total for folder in todo), 0
    for folder in todo:
        for _ in _fill(folder):
            done += 1
            if progress:
                progress(done, total)
    return DemoData(chest=folders[0].table, skin=folders[1].table)


def _fill(folder: _Folder) -> Iterator[None]:
    if folder.path.exists() and not (folder.path / _MARKER).is_file():
        raise PipelineError(
            f"The folder {folder.path} was not made by the demo: move it or give the demo another directory."
        )
    partial = folder.path.with_name(f".{folder.path.name}.{folder.digest[:12]}.partial")
    (partial / "images").mkdir(parents=True, exist_ok=True)
    cases = sample_cases(folder.subject, seed=folder.seed, total=folder.total)
    paths = [partial / _image_name(case) for case in cases]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as processes:
        draws = repeat(folder.draw)
        for _ in processes.map(_write_image, paths, cases, draws, chunksize=16):
            yield
    _write_table(partial / "metadata.csv", cases, folder.subject)
    (partial / _MARKER).write_text(
        json.dumps({"digest": folder.digest, "version": VERSION}), encoding="utf-8"
    )
    if folder.path.exists():
        shutil.rmtree(folder.path)
    partial.rename(folder.path)


def _image_name(case: Case) -> str:
    return f"images/{case.image_id}.png"


def _write_image(path: Path, case: Case, draw: Callable[[Case], NDArray[np.uint8]]) -> None:
    if path.exists():
        return
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        Image.fromarray(draw(case)).save(file, format="PNG", compress_level=1)
        file.flush()
    temporary.rename(path)


def _write_table(path: Path, cases: list[Case], subject: Subject) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, fieldnames=list(_row(cases[0], subject)) if cases else [], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(_row(case, subject) for case in cases)
        file.flush()
        os.fsync(file.fileno())


def _row(case: Case, subject: Subject) -> dict[str, str]:
    return {
        "image": _image_name(case),
        "image_id": case.image_id,
        "patient_id": case.patient_id,
        "label": case.label,
        "set": case.set,
        **case.attributes,
        **{TRUTH + kind.id: str(int(kind.id in case.findings)) for kind in subject.findings},
        "report": write_report(case, subject),
    }
