"""A run that is killed goes on where it stood and ends with the same bytes in audit.json."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.demo.configure import configure_demo
from pipelines.progress import SilentReporter

ROOT = Path(__file__).resolve().parents[2]
KILL_IN = ("encode", "discover", "fit")  # in the order of a serial run
SMALL = {
    "wanted = 60": "wanted = 12",
    "[annotation]": "[screening]\nminimum_answers = 5\n\n[annotation]",
    "epochs = 2\nimages = 100\nsize = 128": "epochs = 1\nimages = 16\nsize = 64",
    'datasets = ["reports"]\n': 'datasets = ["reports"]\nminimum_auroc = 0.0\n',
}


@dataclass(frozen=True)
class Project:
    """A folder with a small demo, and one cache for each line of runs."""

    folder: Path
    weights: Path

    def start(self, runs: str, *options: str) -> subprocess.Popen[str]:
        cache = self.folder / f"cache-{runs}"
        if not cache.exists():
            cache.mkdir()
            (cache / "weights").symlink_to(self.weights)
        config = self.folder / "data" / "demo-chest-xray.toml"
        command = [sys.executable, "-m", "pipelines.cli", "run", str(config), "--runs", runs, *options]
        environment = os.environ | {"KNOBO_CACHE": str(cache)}
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True)

    def finish(self, runs: str, *options: str) -> str:
        process = self.start(runs, *options)
        _, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors
        return errors

    def kill_in(self, stage: str, runs: str) -> None:
        process = self.start(runs, "--serial")
        assert process.stderr is not None
        for line in process.stderr:
            if f"{stage}: started" in line:
                time.sleep(1.0)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                return
        pytest.fail(f"the run ended before {stage} started")

    def run(self, runs: str) -> Path:
        return self.folder / runs / "demo-chest-xray"

    def outputs(self, runs: str) -> dict[str, dict[str, str]]:
        manifest = json.loads((self.run(runs) / "manifest.json").read_text(encoding="utf-8"))
        return {name: record["outputs"] for name, record in manifest["stages"].items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Project:
    folder = tmp_path_factory.mktemp("demo")
    chest, _ = configure_demo(folder / "data", images=240, reporter=SilentReporter())
    text = chest.read_text(encoding="utf-8")
    for before, after in SMALL.items():
        assert before in text, before
        text = text.replace(before, after)
    chest.write_text(text, encoding="utf-8")
    made = Project(folder, (own_cache / "weights").resolve())
    whole = made.finish("whole")
    assert "discover: started" in whole
    return made


@pytest.fixture(scope="module")
def resumed(project: Project) -> str:
    for stage in KILL_IN:
        project.kill_in(stage, "killed")
    return project.finish("killed", "--serial")


def test_a_killed_run_ends_with_the_same_audit(project: Project, resumed: str) -> None:
    assert "encode: fresh" in resumed
    audits = [(project.run(runs) / "audit.json").read_bytes() for runs in ("whole", "killed")]
    assert audits[0] == audits[1]


def test_a_killed_run_leaves_nothing_half_written(project: Project, resumed: str) -> None:
    assert resumed
    hidden = [{path.name for path in project.run(runs).rglob(".*")} for runs in ("whole", "killed")]
    assert hidden[1] == hidden[0]
    assert not [name for name in hidden[0] if name.endswith(".partial")]


def test_every_stage_that_decides_a_number_comes_out_the_same(project: Project, resumed: str) -> None:
    assert resumed
    whole, killed = project.outputs("whole"), project.outputs("killed")
    for stage in ("gather", "images", "split", "encode", "discover", "annotate", "prior", "score", "audit"):
        assert whole[stage] == killed[stage], stage


def test_a_finished_run_is_fresh_as_a_whole(project: Project) -> None:
    assert "every stage is fresh" in project.finish("whole")


@pytest.mark.parametrize(
    ("verb", "options"), [("status", ()), ("concepts", ()), ("concepts", ("--rejected",)), ("audit", ())]
)
def test_a_verb_prints_json(project: Project, verb: str, options: tuple[str, ...]) -> None:
    rows = json.loads(knobo(verb, str(project.run("whole")), "--json", *options))
    assert rows


def test_an_explanation_is_the_sum_it_prints(project: Project) -> None:
    split = json.loads((project.run("whole") / "splits" / "exposure.json").read_text(encoding="utf-8"))
    found = json.loads(knobo("explain", str(project.run("whole")), split["shifted"][0], "--json"))
    for item in found["contributions"]:
        assert item["amount"] == pytest.approx((item["score"] - item["usual"]) * item["weight"], abs=1e-5)
        assert item["quote"]
        assert item["locator"]
    assert len(found["contributions"]) > 1


def test_the_report_shows_every_concept(project: Project) -> None:
    page = (project.run("whole") / "report.html").read_text(encoding="utf-8")
    concepts = json.loads(knobo("concepts", str(project.run("whole")), "--json"))
    quotes = [quotation["quote"] for row in concepts for quotation in row["quotations"]]
    assert quotes
    assert [quote for quote in quotes if quote.split(" ")[0] not in page] == []
    own = (ROOT / "pipelines" / "report" / "templates" / "report.js").read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert f"<script>{own.rstrip()}" in page


def knobo(*arguments: str) -> str:
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
