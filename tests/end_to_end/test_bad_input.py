"""What a user does wrong is told in one sentence with exit code 2, and what was computed stays."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick", general = true }]
literature = [{ name = "notes", kind = "KIND", path = "notes" }]
datasets = [
  { name = "images", manifest = "images.csv", label = "label", attributes = ["view"] },
  { name = "reports", manifest = "reports.csv", report = ["report"] },
]
grounding = { datasets = ["reports"] }
retrieval = { dense = false }
fine_tune = { enabled = false }

[[splits]]
name = "view"
datasets = ["images"]
classes = ["normal", "sick"]
attribute = "view"
values = ["PA", "AP"]
"""


def run_knobo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def write_table(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    (folder / "notes").mkdir()
    (folder / "notes" / "signs.txt").write_text("A blunted costophrenic angle is a sign of pleural fluid.\n")
    (folder / "images").mkdir()
    generator = np.random.default_rng(0)
    for number in range(48):
        pixels = generator.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    cells = [("normal", "PA"), ("sick", "AP"), ("normal", "AP"), ("sick", "PA")]
    rows = [[f"images/{n}.png", *cells[n % 4]] for n in range(44)]
    write_table(folder / "images.csv", ["image", "label", "view"], rows)
    reports = [[f"images/{n}.png", "The costophrenic angle is blunted."] for n in range(44, 48)]
    write_table(folder / "reports.csv", ["image", "report"], reports)
    (folder / "config.toml").write_text(CONFIG.replace("KIND", "text"), encoding="utf-8")
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project"))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_missing_literature_path_is_named(project: Path) -> None:
    edit(project / "config.toml", 'path = "notes"', 'path = "absent"')
    refused(project, "absent", "check the path")


def test_a_wrong_column_is_answered_with_those_there_are(project: Path) -> None:
    edit(project / "config.toml", 'label = "label"', 'label = "diagnosis"')
    refused(project, "diagnosis", "image, label, view")


def test_an_unknown_class_is_answered_with_those_there_are(project: Path) -> None:
    edit(project / "images.csv", "sick", "ill")
    refused(project, "sick", "ill")


def test_an_empty_corpus_is_told(project: Path) -> None:
    (project / "notes" / "signs.txt").write_text("")
    refused(project, "notes")


def test_malformed_xml_is_named_with_its_line(project: Path) -> None:
    (project / "notes" / "bad.xml").write_text("<PubmedArticleSet>\n<PubmedArticle>\n</PubmedArticleSet>\n")
    (project / "config.toml").write_text(CONFIG.replace("KIND", "pubmed_xml"), encoding="utf-8")
    refused(project, "bad.xml", "line")


def test_a_broken_image_is_named_and_what_was_done_stays(project: Path) -> None:
    (project / "images" / "7.png").write_bytes(b"\x89PNG\r\n\x1a\n but no image")
    refused(project, "7.png", "1 of 48 images", "on_broken")
    manifest = (project / "runs" / "small" / "manifest.json").read_text()
    assert '"gather"' in manifest
    assert '"index"' in manifest


def test_a_wrong_argument_is_explained(project: Path) -> None:
    done = run_knobo(project, "run")
    assert done.returncode == 2
    assert "CONFIG" in done.stderr


def test_a_folder_that_is_no_run_is_told(project: Path) -> None:
    done = run_knobo(project, "status", "notes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a run" in done.stderr


def refused(project: Path, *words: str) -> None:
    """The run ends with exit code 2 and one last line that holds the words."""
    done = run_knobo(project, "run", "config.toml", "--serial")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2, done.stderr
    assert last.startswith("knobo: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in last, last
