"""The call log: nothing asked twice, nothing lost, and replay."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language import CallLog, LoggedModel, ReplayModel, Sampling, claims
from knowledge.language.endpoint import Budget, BudgetSpentError, Ledger
from knowledge.language.keys import choice_key, completion_key

SAMPLING = Sampling(samples=2, temperature=0.5)


class CountingModel:
    """Replies with the length of the prompt and remembers what it was asked."""

    digest = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        self.asked += prompts
        return [[f"{len(prompt)}:{i}" for i in range(sampling.samples)] for prompt in prompts]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        assert len(options) == 2
        self.asked += prompts
        first = np.array([1 / (1 + len(prompt)) for prompt in prompts])
        return np.stack([first, 1 - first], 1)


def test_replies_come_in_order_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    model = CountingModel()
    logged = LoggedModel(model, CallLog(tmp_path / "calls.sqlite"))
    assert logged.complete(["aaa", "b", "aaa"], SAMPLING) == [["3:0", "3:1"], ["1:0", "1:1"], ["3:0", "3:1"]]
    assert logged.complete(["cc", "b", "aaa"], SAMPLING) == [["2:0", "2:1"], ["1:0", "1:1"], ["3:0", "3:1"]]
    assert model.asked == ["aaa", "b", "cc"]


def test_probabilities_come_back_bit_for_bit(tmp_path: Path) -> None:
    model = CountingModel()
    logged = LoggedModel(model, CallLog(tmp_path / "calls.sqlite"))
    first = logged.choose(["aa", "b"], ("yes", "no"))
    again = LoggedModel(model, CallLog(tmp_path / "calls.sqlite")).choose(["b", "aa"], ("yes", "no"))
    np.testing.assert_array_equal(first[::-1], again)
    assert model.asked == ["aa", "b"]
    assert logged.choose([], ("yes", "no")).shape == (0, 2)


def test_every_part_of_the_call_is_in_the_key() -> None:
    keys = {
        completion_key("m", "p", Sampling()),
        completion_key("n", "p", Sampling()),
        completion_key("m", "q", Sampling()),
        *(
            completion_key("m", "p", each)
            for each in (Sampling(max_tokens=1), Sampling(seed=1), Sampling(stop=()))
        ),
        completion_key("m", "p", Sampling(temperature=1.0)),
        completion_key("m", "p", Sampling(temperature=1.0, samples=2)),
        choice_key("m", "p", ("yes", "no")),
        choice_key("m", "p", ("no", "yes")),
    }
    assert len(keys) == 10


def test_each_batch_is_committed_before_the_next(tmp_path: Path) -> None:
    class Failing(CountingModel):
        def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
            if "stop" in prompts:
                raise RuntimeError
            return super().complete(prompts, sampling)

    seen: list[tuple[int, int]] = []
    path = tmp_path / "calls.sqlite"
    logged = LoggedModel(Failing(), CallLog(path), commit_every=2, progress=lambda *each: seen.append(each))
    with pytest.raises(RuntimeError):
        logged.complete(["a", "b", "c", "d", "stop"], Sampling())
    assert seen == [(2, 5), (4, 5)]
    with sqlite3.connect(path) as other:
        assert other.execute("select count(*) from replies").fetchone() == (4,)
    other.close()


def test_a_killed_process_keeps_what_it_committed(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from knowledge.language import CallLog
log = CallLog(Path(sys.argv[1]))
for n in range(100000):
    log.put("m", "complete", [(f"key{n}", "prompt", [str(n)])])
    print(n, flush=True)
"""
    path = tmp_path / "calls.sqlite"
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 20:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with CallLog(path) as log:
        assert log.get([f"key{n}" for n in range(21)]) == {f"key{n}": [str(n)] for n in range(21)}


def test_two_threads_share_a_log(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    log = CallLog(tmp_path / "calls.sqlite")

    def work(start: int) -> list[list[str]]:
        logged = LoggedModel(CountingModel(), log, commit_every=3)
        return logged.complete(["x" * n for n in range(start, start + 20)], Sampling())

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, [0, 5, 10, 15]))
    assert results == [[[f"{n}:0"] for n in range(start, start + 20)] for start in (0, 5, 10, 15)]


def test_prompts_are_stored_only_when_asked_for(tmp_path: Path) -> None:
    for keep in (False, True):
        path = tmp_path / f"{keep}.sqlite"
        LoggedModel(CountingModel(), CallLog(path, keep_prompts=keep)).complete(["a report"], Sampling())
        with sqlite3.connect(path) as database:
            assert database.execute("select prompt from replies").fetchone() == (
                "a report" if keep else None,
            )
        database.close()


def test_replay_repeats_the_log_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    logged = LoggedModel(CountingModel(), CallLog(path))
    replies, shares = logged.complete(["a", "bb"], SAMPLING), logged.choose(["a"], ("yes", "no"))
    replay = ReplayModel(path)
    assert replay.digest == "counting"
    assert replay.complete(["bb", "a"], SAMPLING) == replies[::-1]
    np.testing.assert_array_equal(replay.choose(["a"], ("yes", "no")), shares)
    with pytest.raises(KnowledgeError, match="1 of 2 replies are not in the call log"):
        replay.complete(["a", "ccc"], SAMPLING)


def test_replay_asks_which_of_two_models(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with CallLog(path) as log:
        log.put("one", "complete", [("k", "p", ["r"])])
        log.put("two", "complete", [("l", "p", ["r"])])
    with pytest.raises(KnowledgeError, match="2 models"):
        ReplayModel(path)
    with pytest.raises(KnowledgeError, match="No call log"):
        ReplayModel(tmp_path / "absent.sqlite")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_text("not a database, but long enough to be looked at " * 40)
    with pytest.raises(KnowledgeError, match=r"calls\.sqlite cannot be read as SQLite"):
        CallLog(path)


def test_a_log_of_the_first_shape_goes_on_working(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    first = (
        "create table replies (key text primary key, model text not null, kind text not null, "
        "reply text not null, prompt text) without rowid"
    )
    key = completion_key("counting", "known", Sampling())
    with sqlite3.connect(path) as old:
        old.execute(first)
        old.execute("insert into replies values (?, 'counting', 'complete', ?, null)", (key, '["kept"]'))
    model = CountingModel()
    with CallLog(path) as log:
        assert LoggedModel(model, log).complete(["known", "new"], Sampling()) == [["kept"], ["3:0"]]
        assert model.asked == ["new"]
        assert log.spent("run").calls == 0
    with old:  # and a program of that time can still write to it
        old.execute("insert or ignore into replies values ('k', 'm', 'complete', '[]', null)")
    old.close()


def test_claims_are_exclusive_until_they_end(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with CallLog(path) as log, CallLog(path) as other:
        assert log.claim(["a", "b"]) == ["a", "b"]
        assert other.claim(["a", "b", "c"]) == ["c"]
        log.release(["a"])
        assert other.claim(["a", "b"]) == ["a"]
        log.put("m", "complete", [("b", "p", ["r"])])
        assert other.claim(["b"]) == []  # answered, so nothing is left to ask
        with sqlite3.connect(path) as database:  # a process elsewhere that ended without a word
            database.execute("update claims set until = 0, token = 'another', host = 'elsewhere'")
        database.close()
        assert log.claim(["a", "c"]) == ["a", "c"]


def test_a_claim_outlives_its_lease_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calls.sqlite"
    monkeypatch.setattr(claims, "LEASE", 0.3)
    with CallLog(path) as log, CallLog(path) as other:
        monkeypatch.setattr(other, "_owner", claims.Owner("elsewhere", 1, "another"))
        assert log.claim(["a"]) == ["a"]
        deadline = time.monotonic() + 0.9  # three leases
        while time.monotonic() < deadline:
            assert other.claim(["a"]) == []
            time.sleep(0.02)
        log.close()
        time.sleep(0.35)
        assert other.claim(["a"]) == ["a"]


def test_damaged_pages_are_told_of_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with CallLog(path) as log:
        log.put("m", "complete", [(f"key{n}", "p", ["r" * 200]) for n in range(200)])
    size = path.stat().st_size
    with CallLog(path) as log:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        with pytest.raises(
            KnowledgeError, match=r"^[^\n]*calls\.sqlite cannot be read[^\n]*move it away[^\n]*\.$"
        ):
            log.get([f"key{n}" for n in range(200)])


def test_an_unusable_reply_is_no_reply_and_asked_again_by_later_processes(tmp_path: Path) -> None:
    class Silent(CountingModel):
        """Has nothing to say to some prompts, on a server that may be gone."""

        text_digest = "counting"
        gone = False

        def confirm(self) -> None:
            if self.gone:
                raise KnowledgeError("Gone.")

        def chances(self, prompts: Sequence[str], options: Sequence[str]) -> list[list[float] | None]:
            rows = self.choose(prompts, options).tolist()
            return [None if prompt == "?" else row for prompt, row in zip(prompts, rows, strict=True)]

    path, model = tmp_path / "calls.sqlite", Silent()

    def run() -> tuple[NDArray[np.float64], int]:
        with CallLog(path) as log:
            logged = LoggedModel(model, log)
            first = logged.choose(["a", "?"], ("yes", "no"))
            np.testing.assert_array_equal(logged.choose(["a", "?"], ("yes", "no")), first)
            return first, logged.unusable

    replies, unusable = run()
    assert (replies.tolist(), unusable) == ([[0.5, 0.5], [0.5, 0.5]], 1)
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from replies").fetchone() == (1,)  # "a", whose half is real
    database.close()
    assert model.asked == ["a", "?"]
    np.testing.assert_array_equal(ReplayModel(path).choose(["a", "?"], ("yes", "no")), replies)
    model.gone = True
    np.testing.assert_array_equal(run()[0], replies)  # nothing else is missing, so none is needed
    model.gone = False
    for _ in range(3):
        run()
    assert model.asked == ["a", "?", "?", "?"]  # three processes tried


def test_replay_changes_nothing_in_a_folder_that_is_read_only(tmp_path: Path) -> None:
    path = tmp_path / "old" / "calls.sqlite"
    with CallLog(path) as log:
        LoggedModel(CountingModel(), log).complete(["a"], SAMPLING)
        digest = log.digest()
        log.put("counting", "complete", [("later", "p", ["r"])])
        assert log.digest() != digest
    before = path.read_bytes()
    path.parent.chmod(0o555)
    try:
        replay = ReplayModel(path)
        assert replay.complete(["a"], SAMPLING) == [["1:0", "1:1"]]
        assert [each.name for each in path.parent.iterdir()] == [path.name]
    finally:
        path.parent.chmod(0o755)
    assert path.read_bytes() == before


def test_a_request_of_a_killed_process_counts_as_paid(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from knowledge.language import CallLog
from knowledge.language.endpoint import Ledger, Prices
Ledger(prices=Prices(1e6, 1e6), record=CallLog(Path(sys.argv[1])).recorder("run")).reserve(30, 10)
print("sent", flush=True)
time.sleep(60)
"""
    path = tmp_path / "calls.sqlite"
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "sent\n"
    child.kill()
    child.wait()
    child.stdout.close()
    with CallLog(path) as log:
        spent = log.spent("run")
        assert (spent.calls, spent.lost, spent.tokens, spent.cost) == (1, 1, 40, 40.0)
        ledger = Ledger(budget=Budget(calls=1), already=spent, record=log.recorder("run"))
        with pytest.raises(BudgetSpentError):
            ledger.reserve(1, 1)
