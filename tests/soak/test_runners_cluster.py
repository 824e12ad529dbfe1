"""The same small run on threads, Dask and Ray, and on clusters that lose a worker on the way."""

import hashlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from asking_run import AskingProject, WatchedServer
from loopback_server import serving

from pipelines.config.runner import RunnerSection
from pipelines.errors import PipelineError
from pipelines.runners import open_runner

MANY = "\nparts = 4\n"
PROVENANCE = re.compile(r'<section id="provenance".*?</section>', re.DOTALL)
"""The part of a report that tells the digest of its configuration, and the seconds of each stage."""


@dataclass(frozen=True)
class Clusters:
    """A project with one finished run on threads, and the server that answers all.

    Attributes:
        project: A line of runs for each test.
        url: Of the language model.
        home: Prefect's.
    """

    project: AskingProject
    url: str
    home: Path

    def configure(self, line: str, runner: str) -> None:
        path = self.project.configure(line, url=self.url)
        text = path.read_text("utf-8").replace("\nmodality", f"{MANY}modality", 1)
        path.write_text(f"{text}\n[runner]\n{runner}\n", encoding="utf-8")

    def outputs(self, line: str) -> dict[str, str]:
        """Digests of all artifacts, that of the report without its provenance."""
        told = PROVENANCE.sub("", (self.project.run(line) / "report.html").read_text("utf-8"))
        values = json.loads((self.project.run(line) / "manifest.json").read_text("utf-8"))
        return {
            f"{stage}: {name}": digest
            for stage, record in values["stages"].items()
            for name, digest in record["outputs"].items()
            if name != "report.html"
        } | {"report": hashlib.sha256(told.encode()).hexdigest()}


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Iterator[Clusters]:
    project = AskingProject(tmp_path_factory.mktemp("clusters"), (own_cache / "weights").resolve())
    home = tmp_path_factory.mktemp("prefect")
    with serving(WatchedServer()) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        made = Clusters(project, url, home)
        made.configure("threads", 'kind = "threads"')
        project.finish("threads")
        yield made


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_a_cluster_gives_the_digests_of_threads(clusters: Clusters, kind: str) -> None:
    pytest.importorskip(f"prefect_{kind}")
    clusters.configure(kind, f'kind = "{kind}"\nworkers = 2\ncores = 1')
    clusters.project.finish(kind)
    assert clusters.outputs(kind) == clusters.outputs("threads")
    assert clusters.project.half_written(kind) == []


def test_what_a_killed_worker_had_in_hand_is_done_again_alone(clusters: Clusters) -> None:
    pytest.importorskip("prefect_dask")
    clusters.configure("lost", 'kind = "dask"\nworkers = 2\ncores = 1')
    process = clusters.project.start("lost")
    before: list[str] = []
    try:
        while "images" not in before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
            before = clusters.project.finished_stages("lost")
        os.kill(worker_of(process.pid), signal.SIGKILL)
        _, errors = process.communicate(timeout=900)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert clusters.outputs("lost") == clusters.outputs("threads")
    kept = json.loads((clusters.project.run("lost") / "manifest.json").read_text("utf-8"))["stages"]
    assert set(before) <= set(kept)
    assert clusters.project.half_written("lost") == []


def worker_of(process: int) -> int:
    """A Dask worker below the process of a run: the busiest of what it spawned."""
    spawned = [
        child
        for child in psutil.Process(process).children(recursive=True)
        if "spawn_main" in str(child.cmdline())
    ]
    return max(spawned, key=lambda child: child.cpu_times().user).pid


@pytest.mark.parametrize(
    ("kind", "address", "message"),
    [
        ("dask", "tcp://127.0.0.1:PORT", "no Dask scheduler answers at tcp://127"),
        ("ray", "ray://127.0.0.1:PORT", "no Ray cluster answers at ray://127"),
    ],
)
def test_a_cluster_that_is_not_there_is_one_sentence(kind: str, address: str, message: str) -> None:
    pytest.importorskip(f"prefect_{kind}")
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        there = address.replace("PORT", str(bound.getsockname()[1]))
        section = RunnerSection.model_validate({"kind": kind, "address": there})
        with pytest.raises(PipelineError, match=message) as raised, open_runner(section):
            pytest.fail("nobody is there")
    assert "\n" not in str(raised.value)
