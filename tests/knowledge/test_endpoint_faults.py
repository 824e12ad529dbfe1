"""A faulty, a dead and a crowded server: every answer arrives, none is paid twice, a run can be resumed."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback_server import NUMBERS, ONE, RealMind, Server, serving
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language import CallLog, LoggedModel, Sampling
from knowledge.language.endpoint import Endpoint, EndpointModel, Ledger, open_endpoint
from knowledge.language.endpoint.backoff import Pause


def connect(url: str, log: CallLog | None = None, **settings: Any) -> EndpointModel:
    ledger = Ledger(record=log.recorder("run") if log else None)
    given = {"protocol": "completions", "timeout": 0.6, "attempts": 10} | settings
    return open_endpoint(Endpoint(url, "small", **given), ledger=ledger)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pause, "sleep", lambda _, seconds: time.sleep(seconds / 20))


def test_with_a_fifth_of_calls_failing_all_answers_arrive_and_none_is_paid_twice(
    mind: RealMind, tmp_path: Path
) -> None:
    expected = mind.model.complete(NUMBERS, ONE)
    log = CallLog(tmp_path / "calls.sqlite")
    server = Server(mind, faults=0.2, seed=0, slow=1.0)
    with serving(server) as url:
        model = LoggedModel(connect(url, log), log)
        assert model.complete(NUMBERS, ONE) == expected
        assert model.complete(NUMBERS, ONE) == expected
    assert {server.tally.delivered[each] for each in NUMBERS} == {1}
    assert set(server.tally.faults) == {"429", "500", "before", "after", "garbage"}
    spent = log.spent("run")
    assert spent.calls == server.tally.requests
    assert spent.lost == server.tally.faults["before"] + server.tally.faults["after"]
    assert spent.garbage == server.tally.faults["garbage"]
    assert spent.retries == sum(server.tally.faults.values())


def test_a_server_that_dies_ends_with_one_sentence_and_the_rest_is_asked_later(
    mind: RealMind, tmp_path: Path
) -> None:
    log = CallLog(tmp_path / "calls.sqlite")
    dying = Server(mind, down=22)
    with serving(dying) as url, pytest.raises(KnowledgeError, match=r"^[^\n]*HTTP 503[^\n]*kept[^\n]*\.$"):
        LoggedModel(connect(url, attempts=3), log).complete(NUMBERS, ONE)
    done = sum(dying.tally.delivered[each] for each in NUMBERS)
    assert done == 20  # beside two probes
    sound = Server(mind)
    with serving(sound) as url:
        assert len(LoggedModel(connect(url), log).complete(NUMBERS, ONE)) == 40
    assert all(dying.tally.delivered[each] + sound.tally.delivered[each] == 1 for each in NUMBERS)


def test_nothing_listening_ends_with_one_sentence() -> None:
    with pytest.raises(KnowledgeError, match=r"^[^\n]*2 attempts \(at last no connection\)[^\n]*\.$"):
        connect("http://127.0.0.1:9/v1", attempts=2)


def test_a_reply_that_drips_in_is_given_up_in_time(mind: RealMind) -> None:
    import asyncio

    from fastapi.responses import StreamingResponse

    class Dripping(Server):
        def _answer(self, *_: Any) -> Any:
            async def drip() -> Any:
                for _ in range(100):
                    yield b" "
                    await asyncio.sleep(0.1)

            return StreamingResponse(drip(), media_type="application/json")

    started = time.monotonic()
    with serving(Dripping(mind)) as url, pytest.raises(KnowledgeError, match="no reply in time"):
        connect(url, attempts=1, timeout=0.5)
    assert time.monotonic() - started < 5


class SlowModel:
    """Takes its time, several calls at once, and remembers what it was asked."""

    digest = "slow"
    concurrency = 4

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        assert sampling.samples == 1
        with self._lock:
            self.asked += prompts
        time.sleep(0.05)
        if "broken" in prompts:
            raise RuntimeError
        return [[each.upper()] for each in prompts]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        raise NotImplementedError


def test_a_prompt_that_another_thread_asks_is_waited_for(tmp_path: Path) -> None:
    model, log = SlowModel(), CallLog(tmp_path / "calls.sqlite")
    prompts = [f"p{n}" for n in range(12)]
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(LoggedModel(model, log).complete, prompts, ONE) for _ in range(3)]
    assert [job.result() for job in jobs] == [[[each.upper()] for each in prompts]] * 3
    assert sorted(model.asked) == sorted(prompts)


def test_each_finished_call_is_kept_although_its_neighbour_fails(tmp_path: Path) -> None:
    model, path = SlowModel(), tmp_path / "calls.sqlite"
    with pytest.raises(RuntimeError):
        LoggedModel(model, CallLog(path)).complete(["a", "b", "broken", "c", "d", "e"], ONE)
    first = list(model.asked)
    assert {"a", "b", "c"} <= set(first)
    again = SlowModel()
    LoggedModel(again, CallLog(path)).complete(["a", "b", "c", "d", "e"], ONE)
    assert not set(again.asked) & set(first)


WORKER = """
import sys, time
from pathlib import Path
from knowledge.language import CallLog, LoggedModel, Sampling

class Model:
    digest = "m"
    concurrency = 2
    def complete(self, prompts, sampling):
        with Path(sys.argv[2]).open("a") as stream:
            stream.write(prompts[0] + "\\n")
        time.sleep(float(sys.argv[3]))
        return [[p] for p in prompts]

print("ready", flush=True)
sys.stdin.readline()
LoggedModel(Model(), CallLog(Path(sys.argv[1]))).complete([f"p{n}" for n in range(10)], Sampling())
"""


def start(log: Path, asked: Path, *, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WORKER, str(log), str(asked), str(seconds)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_two_processes_ask_each_prompt_once_and_claims_end_with_a_killed_one(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    children = [start(tmp_path / "calls.sqlite", asked, seconds=0.1) for _ in range(2)]
    hanging = start(tmp_path / "other.sqlite", tmp_path / "hung", seconds=60)
    for child in (*children, hanging):
        go(child)
    assert [child.wait(timeout=30) for child in children] == [0, 0]
    assert sorted(asked.read_text().split()) == sorted(f"p{n}" for n in range(10))
    while not (tmp_path / "hung").exists():
        time.sleep(0.01)
    hanging.kill()
    hanging.wait()
    model = SlowModel()
    model.digest = "m"
    log = CallLog(tmp_path / "other.sqlite")
    LoggedModel(model, log).complete([f"p{n}" for n in range(10)], Sampling())
    assert len(model.asked) == 10
    for child in (*children, hanging):
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        child.stdout.close()
