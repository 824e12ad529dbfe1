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
from loopback_server import NUMBERS, ONE, SNOW, PlainMind, RealMind, Server, serving
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError, NetworkError
from knowledge.language import CallLog, LoggedModel, Sampling
from knowledge.language.endpoint import (
    Budget,
    BudgetSpentError,
    Endpoint,
    EndpointModel,
    Ledger,
    open_endpoint,
)
from knowledge.language.endpoint.backoff import Pause
from knowledge.language.endpoint.client import Client
from knowledge.language.endpoint.transport import Transport
from knowledge.language.endpoint.wire import Completions, Question


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
    expected = [[mind.write(each, max_tokens=1, stop=ONE.stop, temperature=0.0, seed=0)] for each in NUMBERS]
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
    with pytest.raises(NetworkError, match=r"^[^\n]*2 attempts \(at last no connection\)[^\n]*\.$"):
        connect("http://127.0.0.1:9/v1", attempts=2)


def test_an_interrupted_request_may_be_billed_and_one_that_was_never_sent_is_not(tmp_path: Path) -> None:
    class Interrupted(Transport):
        def post(self, resource: str, body: dict[str, Any]) -> object:
            assert (resource, body["model"]) == ("completions", "small")
            raise KeyboardInterrupt

    log = CallLog(tmp_path / "calls.sqlite")
    where = Endpoint("http://127.0.0.1:9/v1", "small", protocol="completions", attempts=1)
    for kind, error in ((Interrupted, KeyboardInterrupt), (Transport, NetworkError)):
        client = Client(where, kind(where, key=lambda: "k"), Ledger(record=log.recorder(kind.__name__)))
        with pytest.raises(error):
            client.ask(Completions("small"), Question("prompt"), lambda reply: reply)
    assert (log.spent("Interrupted").lost, log.spent("Transport").lost) == (1, 0)
    assert log.spent("Interrupted").tokens > 0 == log.spent("Transport").tokens


def test_a_run_whose_replies_are_all_kept_needs_neither_server_nor_key_nor_budget(
    mind: RealMind, tmp_path: Path
) -> None:
    path, server = tmp_path / "calls.sqlite", Server(mind, key="sk-1")

    def model(url: str, log: CallLog, **environment: str) -> LoggedModel:
        ledger = Ledger(budget=Budget(calls=5), already=log.spent("run"), record=log.recorder("run"))
        where = Endpoint(url, "small", key_variable="KEY", protocol="completions", attempts=2)
        return LoggedModel(open_endpoint(where, ledger=ledger, memory=log, environment=environment), log)

    with serving(server) as url, CallLog(path) as log:
        first = model(url, log, KEY="sk-1")
        replies, shares = first.complete(NUMBERS[:2], ONE), first.choose([SNOW], ("Yes", "No"))
        requests = server.tally.requests
        again = model(url, log, KEY="sk-1")
        assert again.complete(NUMBERS[:2], ONE) == replies
        with pytest.raises(BudgetSpentError):
            again.complete(NUMBERS[:3], ONE)
        assert server.tally.requests == requests == 5
    with CallLog(path) as log:
        offline = model(url, log)
        assert offline.digest == first.digest
        assert offline.complete(NUMBERS[:2], ONE) == replies
        np.testing.assert_array_equal(offline.choose([SNOW], ("Yes", "No")), shares)
        assert offline.cached == 3
        with pytest.raises(KnowledgeError, match="KEY is not set"):
            offline.complete(NUMBERS[:3], ONE)
        with pytest.raises(NetworkError, match="no connection"):
            model(url, log, KEY="sk-1").complete(NUMBERS[:3], ONE)


def test_a_remembered_server_is_asked_anew_only_where_it_serves_another_revision(
    tmp_path: Path,
) -> None:
    log, server = CallLog(tmp_path / "calls.sqlite"), Server(PlainMind())
    with serving(server) as url:
        where = Endpoint(url, "small", protocol="completions")

        def ask(number: int) -> str:
            model = LoggedModel(open_endpoint(where, memory=log), log)
            model.complete(NUMBERS[:number], ONE)
            return model.digest

        digests = [ask(1), ask(1), ask(2)]
        assert server.tally.requests == 2 + 1 + 1  # probed once
        server.revision = "r2"
        assert ask(2) == digests[0]  # all is in the log: nobody looks
        changed = ask(3)
        assert server.tally.requests == 4 + 2 + 3  # another model: probed, and all three asked
    assert len({*digests}) == 1
    assert changed != digests[0]


def test_how_options_are_chosen_changes_no_key_of_texts() -> None:
    found = []
    for logprobs in (True, False):
        with serving(Server(PlainMind(), logprobs=logprobs)) as url:
            found.append(connect(url))
    assert found[0].digest != found[1].digest
    assert found[0].text_digest == found[1].text_digest


def test_a_server_that_lost_an_ability_is_probed_by_the_next_run(tmp_path: Path) -> None:
    log, server = CallLog(tmp_path / "calls.sqlite"), Server(PlainMind())
    with serving(server) as url:
        where = Endpoint(url, "small", protocol="completions")
        assert open_endpoint(where, memory=log).abilities.top == 20
        server.logprobs = False
        known = open_endpoint(where, memory=log)
        assert known.abilities.top == 20
        assert known.chances(["A lung"], ("Yes", "No")) == [None]
        assert open_endpoint(where, memory=log).abilities.top == 0


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
