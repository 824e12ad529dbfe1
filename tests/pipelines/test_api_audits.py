"""Searches of a served run, and audits that it starts: their order, keys, and what outlives the server."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api_example import LIMITS, Serving
from api_searchable import PASSAGES, READER, STARTER, WITHDRAWN, make_searchable_run, two_keys

from pipelines.api.audits import BusyError, Ledger, State
from pipelines.api.audits.auditor import Auditor
from pipelines.api.metrics import Metrics
from pipelines.api.settings import Keys
from pipelines.errors import PipelineError

READ, START = {"x-api-key": READER}, {"x-api-key": STARTER}
STAND_IN = """
import json, os, sys, time
folder, config, runs = sys.argv[1:4]
open(f"{folder}/pid", "w").write(str(os.getpid()))
while not os.path.exists(f"{runs}/go"):
    time.sleep(0.02)
json.dump({"state": "completed", "ended": "now", "headline": "fine"}, open(f"{folder}/outcome.json", "w"))
"""  # in place of minutes of work; the soak test has the real one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_searchable_run(tmp_path / "small")
    (tmp_path / "configurations").mkdir()
    text = (tmp_path / "small" / "config.toml").read_text()
    (tmp_path / "configurations" / "weekly.toml").write_text(text.replace('name = "small"', 'name = "other"'))
    (tmp_path / "configurations" / "damaged.toml").write_text("name = 1\n")
    return tmp_path


def serve(folder: Path) -> Serving:
    return Serving(
        folder / "small",
        two_keys(folder),
        replace(LIMITS, searches=2),
        configurations=folder / "configurations",
        work=(sys.executable, "-S", "-c", STAND_IN),
    )


@pytest.fixture
def serving(folder: Path) -> Iterator[Serving]:
    with serve(folder) as server:
        yield server
        (folder / "go").touch()
        wait_for(lambda: not Ledger(folder).at_work())


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def start(serving: Serving, name: str = "weekly") -> httpx.Response:
    return httpx.post(f"{serving.url}/v1/audits", json={"configuration": name}, headers=START)


def state(serving: Serving, number: str) -> dict[str, object]:
    found: dict[str, object] = httpx.get(f"{serving.url}/v1/audits/{number}", headers=READ).json()
    return found


def test_a_search_gives_passages_with_place_licence_and_retraction(serving: Serving) -> None:
    def found(**asked: object) -> list[dict[str, object]]:
        answer = httpx.post(f"{serving.url}/v1/search", json=asked, headers=READ)
        assert answer.status_code == 200, answer.text
        passages: list[dict[str, object]] = answer.json()["passages"]
        return passages

    best = found(query="a round opacity")[0]
    assert {name: best[name] for name in ("id", "locator", "license", "retracted", "year", "text")} == {
        "id": WITHDRAWN.id,
        "locator": "PMID 12, RESULTS",
        "license": "CC BY 4.0",
        "retracted": True,
        "year": 1998,
        "text": WITHDRAWN.text,
    }
    assert found(query="round opacity", retracted=False) == []
    everything = {str(each["id"]) for each in found(query="heart nodule fluid")}
    assert everything == {passage.id for passage in PASSAGES}
    recent = found(query="heart nodule fluid", year_from=2000, sources=["pubmed"])
    assert [each["id"] for each in recent] == ["p3"]
    assert [each["id"] for each in found(query="heart nodule fluid", year_from=2000.0, limit=1.0)] == ["p3"]
    for limit in (True, "1", 1.5, 51.0):
        asked = {"query": "a", "limit": limit}
        assert httpx.post(f"{serving.url}/v1/search", json=asked, headers=READ).status_code == 422
    unknown = httpx.post(f"{serving.url}/v1/search", json={"query": "a", "sources": ["x"]}, headers=READ)
    assert unknown.status_code == 404


def test_a_damaged_index_is_told_without_its_place(serving: Serving, folder: Path) -> None:
    (passages,) = (folder / "small" / "index").rglob("000001.jsonl")
    with passages.open("r+b") as file:
        file.write(b"x" * passages.stat().st_size)
    answer = httpx.post(f"{serving.url}/v1/search", json={"query": "heart"}, headers=READ)
    assert answer.status_code == 500, answer.text
    assert answer.json()["detail"] == "the index cannot be searched; the log of the server says why"


def test_an_audit_that_ends_just_before_the_next_is_counted(folder: Path) -> None:
    metrics, ledger = Metrics(), Ledger(folder)
    auditor = Auditor(folder / "configurations", ledger, metrics, work=(sys.executable, "-S", "-c", STAND_IN))
    (folder / "go").touch()
    for _ in range(3):
        auditor.start(folder / "configurations" / "weekly.toml")
        assert auditor.process is not None
        auditor.process.wait()  # and nobody looks, as within a second
    auditor.tend()
    assert metrics.audits.labels("completed")._value.get() == 3


def test_one_audit_runs_at_a_time_and_only_for_keys_with_the_right(serving: Serving, folder: Path) -> None:
    asked = {"configuration": "weekly"}
    refused = httpx.post(f"{serving.url}/v1/audits", json=asked, headers=READ)
    assert (refused.status_code, "the right to start" in refused.json()["detail"]) == (403, True)
    assert start(serving, "../configurations/weekly").status_code == 404
    damaged = start(serving, "damaged")
    assert damaged.status_code == 409
    assert str(folder) not in damaged.json()["detail"]
    first = start(serving)
    assert (first.status_code, first.json()["state"]) == (202, "running")
    assert start(serving).status_code == 409
    number = first.json()["id"]
    early = httpx.get(f"{serving.url}/v1/audits/{number}/report", headers=READ)
    assert early.status_code == 409
    (folder / "go").touch()
    wait_for(lambda: state(serving, number)["state"] == "completed")
    listed = httpx.get(f"{serving.url}/v1/audits", headers=READ).json()
    assert listed["configurations"] == ["damaged", "weekly"]
    assert [each["headline"] for each in listed["audits"]] == ["fine"]
    gone = httpx.get(f"{serving.url}/v1/audits/{number}/report", headers=READ)
    assert gone.status_code == 410  # the stand-in wrote none
    counted = 'knobo_audits_total{outcome="completed"} 1.0'
    wait_for(lambda: counted in httpx.get(f"{serving.url}/metrics", headers=READ).text)


def test_whoever_looks_at_the_audits_keeps_none_from_being_started(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    numbers = [f"{n}" for n in range(20)]
    for number in numbers:
        ledger.enter(number, "weekly", "other")
    done, refused = threading.Event(), 0

    def look() -> None:
        while not done.is_set():
            ledger.audits()

    poller = threading.Thread(target=look)
    with ledger.locked(numbers[0]):
        pass
    poller.start()
    try:
        for number in numbers * 20:
            try:
                with ledger.locked(number):
                    assert [each.id for each in ledger.audits() if each.state is State.RUNNING] == [number]
            except BusyError:
                refused += 1
    finally:
        done.set()
        poller.join()
    assert refused == 0


def test_while_an_audit_is_at_work_no_other_gets_the_lock(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    started = time.monotonic()
    with ledger.locked("first"), pytest.raises(BusyError), ledger.locked("second"):
        pass
    assert 0.5 < time.monotonic() - started < 5
    assert ledger.at_work() == ""


def test_an_audit_that_another_server_sees_begin_is_not_taken_from_the_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = (sys.executable, "-S", "-c", STAND_IN)
    one, other = (Auditor(folder / "configurations", Ledger(folder), Metrics(), work=work) for _ in range(2))
    enter = one.ledger.enter

    def seen_at_once(number: str, configuration: str, run: str) -> None:
        enter(number, configuration, run)
        other.tend()

    monkeypatch.setattr(one.ledger, "enter", seen_at_once)
    begun = one.start(folder / "configurations" / "weekly.toml")
    assert (begun.state, begun.order.starts) == (State.RUNNING, 1)
    assert other.process is None
    (folder / "go").touch()
    wait_for(lambda: one.known(begun.id).state is State.COMPLETED)
    other.take_up(begun.id)  # as it may have seen it before it ended
    assert (other.process, one.known(begun.id).order.starts) == (None, 1)


def test_an_audit_outlives_its_server_and_the_next_one_knows_it(folder: Path) -> None:
    with serve(folder) as serving:
        number = start(serving).json()["id"]
    with serve(folder) as serving:
        assert (state(serving, number)["state"], state(serving, number)["starts"]) == ("running", 1)
        assert start(serving).status_code == 409
        (folder / "go").touch()
        wait_for(lambda: state(serving, number)["state"] == "completed")


def test_an_audit_whose_process_is_killed_is_taken_up_again_but_not_for_ever(folder: Path) -> None:
    with serve(folder) as serving:
        number = start(serving).json()["id"]
        pid = folder / ".audits" / number / "pid"
        for starts in (1, 2, 3):
            wait_for(lambda starts=starts: state(serving, number)["starts"] == starts and pid.exists())  # type: ignore[misc]
            wait_for(lambda: pid.read_text() != "")
            killed = int(pid.read_text())
            pid.unlink()
            os.kill(killed, signal.SIGKILL)
        wait_for(lambda: state(serving, number)["state"] == "failed")
        assert "ended 3 times before it was done" in str(state(serving, number)["error"])


def test_a_word_after_a_key_that_is_no_right_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{READER} secret-word\n")
    with pytest.raises(PipelineError, match="something else than `start`") as found:
        Keys.read(tmp_path / "keys")
    assert "secret-word" not in str(found.value)
