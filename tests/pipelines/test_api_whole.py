"""Which runs a server opens: none that is half rebuilt, or that a process works on."""

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api_example import make_run, note_stages

from pipelines.api.served import ServedRun
from pipelines.api.whole import nobody_at_work
from pipelines.digests import content_digest
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.stages import STAGES
from pipelines.status import open_finished


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return make_run(tmp_path / "small")


def rebuild(directory: Path, stage: str, artifact: str) -> None:
    """As a process leaves it that was killed after this stage, whose artifact came out another one."""
    run = open_finished(directory)
    record = run.records()[stage]
    digest = content_digest(run.path(artifact)) if run.path(artifact).exists() else "another one"
    run.take_over({stage: replace(record, outputs={**record.outputs, artifact: digest})})


def change_manifest(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = directory / "manifest.json"
    values = json.loads(file.read_text())
    change(values["stages"])
    file.write_text(json.dumps(values))


def refused(directory: Path, match: str) -> None:
    with pytest.raises(PipelineError, match=match) as found:
        ServedRun.open(directory)
    assert str(found.value).count("\n") == 0


def test_a_finished_run_is_opened_without_its_data_and_leaves_no_trace(directory: Path) -> None:
    shutil.rmtree(directory / "images")
    shutil.rmtree(directory / "notes")
    before = sorted(directory.rglob("*"))
    assert ServedRun.open(directory).audit == content_digest(directory / "audit.json")
    assert sorted(directory.rglob("*")) == before


def test_a_run_that_a_process_works_on_is_refused(directory: Path) -> None:
    with open_finished(directory).locked():
        refused(directory, "a process works on .*; wait until it is done, or serve another run")
    ServedRun.open(directory)


def test_while_a_run_is_opened_other_servers_may_open_it_and_nobody_may_rebuild_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, opened = open_finished(directory), ServedRun.opened
    monkeypatch.setattr("pipelines.run.SECONDS_TO_OPEN", 0.3)
    with run.locked():
        pass  # the file is there now, as beside every run

    def meanwhile(_: object) -> ServedRun:
        with pytest.raises(PipelineError, match="another process works on"), run.locked():
            pass
        monkeypatch.setattr(ServedRun, "opened", opened)
        return ServedRun.open(directory)

    monkeypatch.setattr(ServedRun, "opened", meanwhile)
    assert ServedRun.open(directory).name == "small"
    with run.locked():
        pass


def work_on(run: Run) -> None:
    with run.locked():
        pass


def test_a_run_that_a_server_opens_is_worked_on_a_moment_later(directory: Path) -> None:
    run = open_finished(directory)
    work_on(run)
    with ThreadPoolExecutor() as other:
        with nobody_at_work(directory):
            waiting = other.submit(work_on, run)
            time.sleep(0.3)
            assert not waiting.done()
        waiting.result(timeout=5)


def test_new_detectors_beside_old_heads_are_refused(directory: Path) -> None:
    (directory / "grounder" / "about.txt").write_text("new")
    rebuild(directory, "ground", "grounder")
    refused(
        directory,
        "half rebuilt: its stage score is older than its settings, code or inputs; finish it with `knobo run",
    )


def test_new_heads_beside_an_old_audit_are_refused(directory: Path) -> None:
    rebuild(directory, "fit", "predictions.parquet")
    refused(directory, "its stage audit is older than its settings, code or inputs")


def test_a_new_configuration_beside_old_artifacts_is_refused(directory: Path) -> None:
    config = directory / "config.toml"
    config.write_text(config.read_text() + "fit = { seeds = 3 }\n")
    refused(directory, "its stage fit is older than its settings, code or inputs")
    config.write_text(config.read_text().replace('encoder = { kind = "pixels" }', "encoder = {}"))
    refused(directory, "its stage encode is older than its settings, code or inputs")


@pytest.mark.parametrize("artifact", ["audit.json", "concepts.jsonl", "models/knobo/one/0/new.txt"])
def test_an_artifact_that_is_not_what_the_manifest_says_is_named(directory: Path, artifact: str) -> None:
    (directory / artifact).touch()
    with (directory / artifact).open("a") as file:
        file.write("\n")
    refused(directory, f"{artifact.partition('/')[0]} is not what .*manifest.json says")


@pytest.mark.parametrize("stage", ["gather", "audit"])
def test_a_run_without_a_stage_up_to_the_audit_is_not_finished(directory: Path, stage: str) -> None:
    change_manifest(directory, lambda stages: stages.pop(stage))
    refused(directory, f"has no record of {stage}, so the run is not finished")
    (directory / "manifest.json").unlink()
    refused(directory, "has no record of fetch, gather")


def test_a_manifest_of_earlier_days_goes_unless_a_stage_was_made_anew_since(directory: Path) -> None:
    change_manifest(directory, lambda stages: [record.pop("inputs") for record in stages.values()])
    ServedRun.open(directory)
    change_manifest(directory, lambda stages: stages["fit"].update(inputs=inputs_of(directory, "fit")))
    refused(directory, "its stage audit is older than its settings, code or inputs")
    note_stages(directory)
    ServedRun.open(directory)


def inputs_of(directory: Path, stage: str) -> dict[str, str]:
    """As the stage would note them if it ran now."""
    records = open_finished(directory).records()
    outputs = {name: digest for record in records.values() for name, digest in record.outputs.items()}
    (found,) = (each for each in STAGES if each.name == stage)
    return {name: outputs[name] for name in found.reads}
