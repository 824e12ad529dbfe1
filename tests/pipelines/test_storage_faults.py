"""A full disk, one that may not be written, a clock that went back: a sentence each, and nothing is lost."""

import errno
import json
import logging
import os
import sqlite3
import time
from pathlib import Path

import pytest
from small_disk import python, run_there, tiny

from models.evaluation.report import AuditReport
from models.files import write_text
from pipelines.config import Config
from pipelines.errors import PipelineError
from pipelines.history.store import read_entries, record_audit
from pipelines.run import Run, Stage
from pipelines.storage_faults import storage_fault, storage_faults_told

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", folder = "images" }]
splits = [{ name = "one", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
encoder = { kind = "pixels" }
retrieval = { dense = false }
fine_tune = { enabled = false }
"""
NEW_ARRAY = """
import sys
from pathlib import Path
import numpy as np
from knowledge.retrieval.new_array import new_array
new_array(Path(sys.argv[1]), np.float32, (100_000, 10))[:] = 1
"""


THREE_DISKS = """
import shutil, subprocess, sys
from pipelines.cli import main

config, runs, kept = sys.argv[1:]
for options in ("ro", "rw,size=64m", ""):
    sys.argv = ["knobo", "run", config, "--runs", runs, "--serial"]
    try:
        main()
    except SystemExit as ended:
        print(ended.code)
    if options:
        print("NEXT", file=sys.stderr)
        if options == "ro":
            shutil.copytree(runs, kept)
        subprocess.run(["mount", "-o", f"remount,{options}", runs], check=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("notes", "images/normal", "runs"):
        (tmp_path / folder).mkdir(parents=True)
    sentence = "A blunted costophrenic angle is a sign of pleural fluid, whatever the day may be. "
    (tmp_path / "notes" / "signs.txt").write_text(sentence * 8_000)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_a_run_on_a_full_disk_and_on_one_that_is_read_only_is_refused_and_goes_on_where_it_stood(
    project: Path,
) -> None:
    runs, config = project / "runs", project / "config.toml"
    done = run_there(f"{tiny(runs, kilobytes=200)}; {python(THREE_DISKS, config, runs, project / 'full')}")
    assert done.returncode == 0, done.stderr
    full, read_only, roomy = done.stderr.split("NEXT")
    for said, words in ((full, "the disk is full"), (read_only, "the file system is read-only")):
        assert words in said.strip().splitlines()[-1]
        assert said.strip().splitlines()[-1].startswith("knobo: ")
        assert "Traceback" not in said
    assert done.stdout.split() == ["2", "2", "2"]  # the third for lack of images, and not for the disk
    assert "fetch: done" in full
    assert "gather: started" in full
    assert "fetch: fresh" in roomy
    assert "gather: done" in roomy
    assert "has no PNG" in roomy
    kept = project / "full" / "small"
    assert list(json.loads((kept / "manifest.json").read_text("utf-8"))["stages"]) == ["fetch"]
    assert not list(kept.rglob("*.partial"))


def test_an_array_for_which_a_disk_has_no_room_is_an_error_and_no_crash(tmp_path: Path) -> None:
    script = python(NEW_ARRAY, tmp_path / "vectors.npy")
    done = run_there(f"{tiny(tmp_path, kilobytes=1000)}; {script}")
    assert done.returncode == 1, done.stderr  # 135 would be SIGBUS
    assert "No space left on device" in done.stderr


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "audit.json"
    target.write_text("old")
    script = "import sys; from pathlib import Path; from models.files import write_text;"
    script += "write_text(Path(sys.argv[1]), 'n' * 500_000)"
    written = f"echo old > {target}; {python(script, target)} || cat {target}; ls -A {tmp_path}"
    done = run_there(f"{tiny(tmp_path, kilobytes=100)}; {written}")
    assert done.stdout.split() == ["old", "audit.json"]
    assert f"No space left on device: '{target}'" in done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/runs/a.json"),
            "/runs/a.json cannot be used: the disk is full",
        ),
        (
            OSError(errno.EROFS, "Read-only file system"),
            "/place cannot be used: the file system is read-only",
        ),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "read-only"),
        (ValueError("An IO error occurred: 'No space left on device (os error 28)'"), "the disk is full"),
        (
            ExceptionGroup("both", [ValueError("x"), PermissionError(errno.EACCES, "no", "b")]),
            "b cannot be used: permission",
        ),
    ],
)
def test_what_the_disk_does_is_told_from_whatever_a_library_makes_of_it(error: Exception, words: str) -> None:
    assert words in (storage_fault(error, place=Path("/place")) or "")


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), KeyError("a"), ConnectionResetError(errno.ECONNRESET, "reset")]
)
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    assert storage_fault(error) is None
    with pytest.raises(type(error)), storage_faults_told():
        raise error


def test_a_stage_that_fails_on_a_full_disk_is_not_noted_and_runs_again(tmp_path: Path) -> None:
    full = [True]

    def work(run: Run) -> None:
        if full:
            try:
                Path("/dev/full").write_text("x")
            except OSError as error:
                raise RuntimeError("the library failed") from error
        write_text(run.path("out"), "whole")

    run, stage = Run(tmp_path, config(tmp_path)), Stage("only", 1, (), (), ("out",), work)
    with pytest.raises(PipelineError, match="the disk is full"):
        run.execute(stage)
    assert run.records() == {}
    full.clear()
    assert run.execute(stage)
    assert not run.execute(stage)


@pytest.mark.parametrize("days", [-400, 400])
def test_what_is_stale_is_told_by_content_and_never_by_the_clock(tmp_path: Path, days: int) -> None:
    def work(run: Run) -> None:
        write_text(run.path("out"), run.path("in").read_text())

    run, stage = Run(tmp_path, config(tmp_path)), Stage("only", 1, (), ("in",), ("out",), work)
    run.path("in").write_text("first")
    assert run.execute(stage)
    then = time.time() + days * 86_400
    for path in tmp_path.iterdir():
        os.utime(path, (then, then))
    assert not run.execute(stage)
    run.path("in").write_text("other")
    os.utime(run.path("in"), (then, then))
    assert run.execute(stage)
    assert run.path("out").read_text() == "other"


def test_the_history_keeps_the_order_of_audits_and_says_that_the_clock_went_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("knobo"), "propagate", True)  # `knobo` itself prints each line once
    run = Run(tmp_path / "runs" / "small", config(tmp_path / "runs"))
    audit = run.path("audit.json")
    for day, note in enumerate(("first", "second", "third")):
        AuditReport(rows=(), paired=(), checks=(), notes=(note,)).save(audit)
        then = time.time() - 86_400 * (day % 2)
        os.utime(audit, (then, then))
        record_audit(run)
        assert ("the clock was set back" in caplog.text) is (note == "second")
        caplog.clear()
    dates = [each.finished for each in read_entries(tmp_path / "runs" / ".history" / "small")]
    assert len(dates) == 3
    assert dates[1] < dates[0]


def config(folder: Path) -> Config:
    from pipelines.config import load_config

    for name in ("notes", "images"):
        (folder.parent / name).mkdir(exist_ok=True)
    (folder.parent / "config.toml").write_text(CONFIG)
    return load_config(folder.parent / "config.toml")
