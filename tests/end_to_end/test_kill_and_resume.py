"""A run that is killed goes on where it stood and ends with the same bytes in audit.json."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.demo.configure import configure_demo
from pipelines.progress import SilentReporter

KILL_IN = ("discover", "encode", "fit")
SMALL = {
    "wanted = 60": "wanted = 12",
    "maximum_sentences = 96": "maximum_sentences = 24",
    "[annotation]": "[screening]\nminimum_answers = 5\n\n[annotation]",
    "epochs = 2\nimages = 100\nsize = 128": "epochs = 1\nimages = 16\nsize = 64",
    'datasets = ["reports"]\n': 'datasets = ["reports"]\nminimum_auroc = 0.0\n',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    chest, _ = configure_demo(folder / "data", images=240, reporter=SilentReporter())
    text = chest.read_text(encoding="utf-8")
    for before, after in SMALL.items():
        assert before in text, before
        text = text.replace(before, after)
    chest.write_text(text, encoding="utf-8")
    return folder


def start(project: Path, runs: str, *options: str) -> subprocess.Popen[str]:
    config = project / "data" / "demo-chest-xray.toml"
    command = [sys.executable, "-m", "pipelines.cli", "run", str(config), "--runs", runs, *options]
    return subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return errors


def kill_when_it_starts(process: subprocess.Popen[str], stage: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if f"{stage}: started" in line:
            time.sleep(1.0)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return
    pytest.fail(f"the run ended before {stage} started")


def stage_digests(project: Path, runs: str) -> dict[str, dict[str, str]]:
    manifest = json.loads((project / runs / "demo-chest-xray" / "manifest.json").read_text(encoding="utf-8"))
    return {name: record["outputs"] for name, record in manifest["stages"].items()}


def test_a_killed_run_ends_with_the_same_audit(project: Path) -> None:
    whole = finish(start(project, "whole"))
    for stage in KILL_IN:
        kill_when_it_starts(start(project, "killed", "--serial"), stage)
    rest = finish(start(project, "killed", "--serial"))
    audits = [
        (project / runs / "demo-chest-xray" / "audit.json").read_bytes() for runs in ("whole", "killed")
    ]
    assert audits[0] == audits[1]
    assert "discover: started" in whole
    assert "discover: fresh" in rest
    assert list((project / "killed" / "demo-chest-xray").glob(".*.partial")) == []
    again = finish(start(project, "killed"))
    assert "every stage is fresh" in again


def test_a_second_run_computes_the_same_numbers(project: Path) -> None:
    if not (project / "whole").exists():
        finish(start(project, "whole"))
    whole, killed = (stage_digests(project, runs) for runs in ("whole", "killed"))
    for stage in ("gather", "images", "split", "encode", "discover", "annotate", "prior", "score", "audit"):
        assert whole[stage] == killed[stage], stage
