import json
import pickle
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from pipelines.cli import app

CONFIG = """
name = "own"
modality = "chest X-ray"
classes = [{ name = "ill" }, { name = "well" }]
[[literature]]
name = "handbook"
kind = "markdown"
path = "demo-handbook:chest_xray"
license = "Apache-2.0"

[[datasets]]
name = "own"
manifest = "images.csv"
label = "label"
patient = "patient"
attributes = ["view"]

[[splits]]
name = "by-view"
datasets = ["own"]
classes = ["ill", "well"]
attribute = "view"
values = ["AP", "PA"]

[grounding]
datasets = ["own"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with 200 images of different content."""
    rows = ["image,label,patient,view"]
    for n in range(200):
        Image.new("L", (8, 8), n).save(tmp_path / f"{n}.png")
        rows.append(f"{n}.png,{'ill' if n % 2 else 'well'},p{n},{'AP' if n % 4 < 2 else 'PA'}")
    (tmp_path / "images.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "own.toml").write_text(CONFIG)
    return tmp_path / "own.toml"


def checked(config: Path) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["check", str(config), "--json"])
    assert done.exit_code == 0
    return {finding["name"]: finding for finding in json.loads(done.stdout)}


def test_a_clean_configuration_passes_every_check(config: Path) -> None:
    assert {finding["severity"] for finding in checked(config).values()} == {"passed"}
    shown = CliRunner().invoke(app, ["check", str(config)])
    assert "0 errors, 0 warnings, 7 checks" in shown.output


def test_a_contradiction_in_the_data_is_found_and_kept_out_of_the_split(config: Path) -> None:
    shutil.copy(config.parent / "0.png", config.parent / "1.png")
    conflicts = checked(config)["conflicting_labels"]
    assert conflicts["counts"] == {"images": 1, "copies_in_split": 0}


RELEASED = """
[[splits]]
name = "published"
kind = "released"
datasets = ["own"]
files = "published"
classes = ["ill", "well"]
attribute = "view"
keep_overlap = true
"""


def test_what_a_published_split_keeps_on_purpose_is_a_warning(config: Path) -> None:
    aligned = {label: [n for n in range(200) if n % 4 == place] for label, place in (("ill", 1), ("well", 2))}
    opposite = {
        label: [n for n in range(200) if n % 4 == place] for label, place in (("ill", 3), ("well", 0))
    }
    test = {label: [*numbers, aligned[label][0]] for label, numbers in opposite.items()}
    val = {label: numbers[30:] for label, numbers in aligned.items()}
    folder = config.parent / "published"
    folder.mkdir()
    for part, members in (("train", aligned), ("val", val), ("test", test)):
        paths = {label: [f"odd/{n}.png" for n in numbers] for label, numbers in members.items()}
        (folder / f"class2images_{part}.p").write_bytes(pickle.dumps(paths))
    before, _, after = CONFIG.partition("[[splits]]")
    config.write_text(f"{before}{RELEASED}[grounding]{after.partition('[grounding]')[2]}")
    findings = checked(config)
    faults = {name for name, finding in findings.items() if finding["severity"] != "passed"}
    assert {findings[name]["severity"] for name in faults} == {"warning"}
    assert {"patient_overlap", "duplicate_images", "cell_counts"} <= faults


def test_an_image_that_cannot_be_read_is_named(config: Path) -> None:
    (config.parent / "7.png").unlink()
    done = CliRunner().invoke(app, ["check", str(config)])
    assert done.exit_code != 0
    assert "7.png" in str(done.exception)
