"""Names of images are for the terminal and the run; Prefect, logs and the API never hear them."""

import pickle
from pathlib import Path
from traceback import format_exception

import pytest
from PIL import Image

from models.errors import ImageError
from pipelines.api.audits import State
from pipelines.api.audits.work import work
from pipelines.concealing import ConcealedError, for_the_terminal
from pipelines.flows import run_stage

PATIENT = "00471103"
CONFIG = """
name = "named"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", folder = "images" }]
splits = [{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
encoder = { kind = "pixels" }
fine_tune = { enabled = false }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name in ("notes", "images/normal", "images/sick"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "notes" / "a.txt").write_text("The lungs are clear.\n")
    Image.new("L", (16, 16)).save(tmp_path / "images" / "normal" / "sound.png")
    (tmp_path / "images" / "sick" / f"{PATIENT}.png").write_bytes(b"no image")
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path / "c.toml"


def test_a_stage_that_fails_tells_prefect_no_name(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ConcealedError) as caught:
        run_stage.fn("images", str(config), str(tmp_path / "runs"))
    told = "".join(format_exception(caught.value))  # what Prefect keeps as the log of a run
    assert PATIENT not in told
    assert "1 of 2 images cannot be used (named/broken_images.txt names them)" in told
    assert f"{PATIENT}.png is not a PNG" in for_the_terminal(caught.value)
    listed = (tmp_path / "runs" / "named" / "broken_images.txt").read_text()
    assert len(listed.splitlines()) == 1
    assert f"{PATIENT}.png" in listed


def test_what_is_left_out_is_logged_without_names_and_forgotten_once_mended(
    config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text('on_broken = "skip"\n' + config.read_text())
    run_stage.fn("images", str(config), str(tmp_path / "runs"))
    assert "1 of 2 images cannot be used (named/broken_images.txt names them), and are left" in caplog.text
    assert PATIENT not in caplog.text
    Image.new("L", (16, 16)).save(tmp_path / "images" / "sick" / f"{PATIENT}.png")
    run_stage.fn("images", str(config), str(tmp_path / "runs"))
    assert not (tmp_path / "runs" / "named" / "broken_images.txt").exists()


def test_an_audit_that_fails_tells_who_asks_no_name(
    config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "audit").mkdir()
    outcome = work(tmp_path / "audit", config, tmp_path / "runs", serial=True)
    assert outcome.state is State.FAILED
    assert outcome.error.startswith("1 of 2 images cannot be used")
    assert PATIENT not in outcome.error + caplog.text


def test_errors_pass_between_processes_whole() -> None:
    error = ImageError("a.png is odd", "one is odd")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))
    concealed = pickle.loads(pickle.dumps(ConcealedError(error)))
    assert (str(concealed), for_the_terminal(concealed)) == ("one is odd", "a.png is odd")
    assert "a.png" not in repr(concealed)
