import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from asking_run import AskingProject, WatchedServer, kill
from loopback_server import serving

from pipelines.directories import new_directory, sweep
from pipelines.errors import PipelineError
from pipelines.history.store import history_folder, read_entries
from pipelines.launch import launch

AFTER_CALLS = random.Random(6).randrange(50, 150)
"""When the process is killed: late enough to have paid for replies, before the last stage that asks."""


@dataclass(frozen=True)
class Killed:
    """What a kill in the middle of the calls left behind, and what became of it.

    Attributes:
        project: Two lines of runs, `whole` and `killed`.
        asked: The server of the second.
        when: Between which times the process was killed.
        refused: What a second process was told while the first worked.
    """

    project: AskingProject
    asked: WatchedServer
    when: tuple[float, float]
    refused: str


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Iterator[Killed]:
    project = AskingProject(tmp_path_factory.mktemp("asking"), (own_cache / "weights").resolve())
    with pytest.MonkeyPatch.context() as patch:
        with serving(WatchedServer()) as url:
            whole = project.configure("whole", url=url)
            patch.setenv("KNOBO_CACHE", str(project.cache("whole")))
            launch(whole, project.runs("whole"), quiet=True, serial=True)
        with serving(asked := WatchedServer(delay=0.005)) as url:
            config = project.configure("killed", url=url)
            process = project.start("killed", "--serial")
            while len(asked.asked) < AFTER_CALLS:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            patch.setenv("KNOBO_CACHE", str(project.cache("killed")))
            with pytest.raises(PipelineError) as refusal:
                launch(config, project.runs("killed"), quiet=True, serial=True)
            when = kill(process)
            launch(config, project.runs("killed"), quiet=True, serial=True)
            yield Killed(project, asked, when, str(refusal.value))


def test_a_run_killed_among_its_calls_ends_with_the_same_audit(killed: Killed) -> None:
    assert killed.project.audit("killed") == killed.project.audit("whole")


def test_no_call_that_had_been_answered_is_made_again(killed: Killed) -> None:
    assert len(killed.asked.asked) > AFTER_CALLS
    assert killed.asked.repeated([killed.when]) == []
    assert killed.project.keys_of_replies("killed") == killed.project.keys_of_replies("whole")


def test_a_killed_run_leaves_nothing_half_written_behind(killed: Killed) -> None:
    assert killed.project.half_written("killed") == []


def test_a_second_run_on_a_directory_is_refused_in_one_sentence(killed: Killed) -> None:
    where = killed.project.run("killed")
    assert killed.refused == (f"another process works on {where}; wait for it, or give the run another name")


def test_an_audit_that_a_kill_kept_out_of_the_history_enters_with_the_next_run(killed: Killed) -> None:
    runs = killed.project.runs("killed")
    folder = history_folder(runs) / "asking"
    (entry,) = folder.glob("*.json")
    before = read_entries(folder)
    entry.unlink()
    launch(killed.project.folder / "killed-asking.toml", runs, quiet=True, serial=True)
    assert [each.rests_on() for each in read_entries(folder)] == [each.rests_on() for each in before]


def test_a_folder_is_never_seen_half_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_directory(tmp_path / "index") as first:
        for n in range(3):
            (first / f"{n}").write_text("old")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", stop)  # as a kill while the old one is removed
    with pytest.raises(KeyboardInterrupt), new_directory(tmp_path / "index") as second:
        (second / "0").write_text("new")
    monkeypatch.undo()
    assert [path.read_text() for path in sorted((tmp_path / "index").iterdir())] == ["new"]
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_an_interruption_between_both_renames_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_directory(tmp_path / "refresh") as folder:
        (folder / "waiting").write_text("old")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.directories.put_in_place", interrupted)
    with pytest.raises(KeyboardInterrupt), new_directory(tmp_path / "refresh") as folder:
        (folder / "waiting").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["refresh"]
    assert (tmp_path / "refresh" / "waiting").read_text() == "old"


def test_a_folder_that_was_only_put_aside_when_its_process_was_killed_is_given_back(tmp_path: Path) -> None:
    kept = tmp_path / "refresh.1"
    with new_directory(kept) as folder:
        (folder / "waiting").write_text("old")
    killed = f"""
import os, signal
from pathlib import Path
from pipelines import directories
directories.put_in_place = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
with directories.new_directory(Path({str(kept)!r})) as folder:
    (folder / "waiting").write_text("new")
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -signal.SIGKILL
    assert not kept.exists()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [kept.name]
    assert (kept / "waiting").read_text() == "old"
