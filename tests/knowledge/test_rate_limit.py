import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from eutils_server import Eutils, peak_per_second, serve

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_api import EntrezSettings, RateLimiter, entrez_limiter

CLIENT = """
import sys, threading
from pathlib import Path
from knowledge.sources.pubmed_api import EntrezSettings, entrez_limiter
from knowledge.sources.pubmed_api.client import EntrezClient
from knowledge.sources.pubmed_api.slicing import Slice

settings = EntrezSettings("someone@example.org", base_url=sys.argv[1])
client = EntrezClient(settings, entrez_limiter(Path(sys.argv[2]), settings))
def ask():
    for _ in range(int(sys.argv[4])):
        client.search("lung", Slice(), retmax=5)
threads = [threading.Thread(target=ask) for _ in range(int(sys.argv[3]))]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
for thread in threads: thread.join()
assert client.retries.repeated == 0
"""


@pytest.mark.parametrize(("key", "allowed", "threads", "each"), [("", 3, 3, 1), ("some-key", 10, 2, 4)])
def test_processes_and_threads_together_stay_below_the_allowed_rate_and_come_close_to_it(
    tmp_path: Path, key: str, allowed: int, threads: int, each: int
) -> None:
    environment = os.environ | {"NCBI_API_KEY": key}
    with serve(Eutils({1: date(2020, 1, 1)}, allowed=allowed)) as eutils:
        command = [sys.executable, "-c", CLIENT, eutils.url, str(tmp_path), str(threads), str(each)]
        clients = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            for _ in range(3)
        ]
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("go\n")
            client.stdin.flush()
        assert [client.wait(60) for client in clients] == [0, 0, 0]
    times = [asked.at for asked in eutils.asked]
    assert len(times) == 3 * threads * each
    assert peak_per_second(eutils.asked) <= allowed
    assert (len(times) - 1) / (max(times) - min(times)) > 0.65 * allowed
    assert {asked.parameters.get("api_key", "") for asked in eutils.asked} == {key}


def _limiter(folder: Path, spacing_s: float) -> RateLimiter:
    return RateLimiter(folder / "schedule.sqlite", "test", spacing_s)


def _pass(limiter: RateLimiter) -> None:
    with limiter.slot():
        pass


def test_no_two_requests_pass_closer_than_the_spacing(tmp_path: Path) -> None:
    left: list[float] = []

    def ask() -> None:
        limiter = _limiter(tmp_path, 0.03)
        for _ in range(5):
            with limiter.slot():
                left.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(left) == 20
    assert all(later - earlier >= 0.03 for earlier, later in pairwise(left))


def test_a_process_that_oversleeps_its_slot_lets_the_others_go_and_keeps_its_distance(tmp_path: Path) -> None:
    left: list[float] = []

    def ask(pause_s: float) -> None:
        for _ in range(3):
            with _limiter(tmp_path, 0.1).slot():
                time.sleep(pause_s)  # late between its slot and the request
                left.append(time.monotonic())

    threads = [threading.Thread(target=ask, args=(pause_s,)) for pause_s in (0.0, 0.15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(left) == 6
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(left))


def test_a_request_that_fails_on_its_way_counts_and_keeps_its_error(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), _limiter(tmp_path, 0.2).slot():
        raise BrokenPipeError
    started = time.monotonic()
    _pass(_limiter(tmp_path, 0.2))
    assert time.monotonic() - started >= 0.19


def test_each_name_has_a_schedule_of_its_own(tmp_path: Path) -> None:
    _pass(_limiter(tmp_path, 60))
    started = time.monotonic()
    _pass(RateLimiter(tmp_path / "schedule.sqlite", "another", 60))
    assert time.monotonic() - started < 5


def test_a_pause_that_the_server_asks_for_holds_for_everybody(tmp_path: Path) -> None:
    _limiter(tmp_path, 0.0).pause(0.3)
    started = time.monotonic()
    _pass(_limiter(tmp_path, 0.0))
    assert time.monotonic() - started >= 0.29


def test_a_process_killed_while_it_holds_the_schedule_blocks_nobody(tmp_path: Path) -> None:
    _pass(_limiter(tmp_path, 0.01))
    hold = (
        "import sqlite3, sys, time\n"
        "base = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "base.execute('begin exclusive')\n"
        "base.execute('update schedule set last = 1e12')\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", hold, str(tmp_path / "schedule.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
    started = time.monotonic()
    _pass(_limiter(tmp_path, 0.01))
    assert time.monotonic() - started < 5


def test_a_clock_that_began_anew_costs_one_spacing(tmp_path: Path) -> None:
    _pass(_limiter(tmp_path, 0.05))
    with sqlite3.connect(tmp_path / "schedule.sqlite") as database:
        database.execute("update schedule set last = last + 1e6, until = 1e9")
    database.close()
    started = time.monotonic()
    _pass(_limiter(tmp_path, 0.05))
    assert 0.05 <= time.monotonic() - started < 5


def test_a_schedule_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "schedule.sqlite").write_text("not a database, and long enough to be looked at" * 50)
    with pytest.raises(KnowledgeError, match=r"schedule\.sqlite cannot be used .*: remove it"):
        _pass(_limiter(tmp_path, 0.01))


def test_the_spacing_keeps_below_three_a_second_or_ten_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EntrezSettings("someone@example.org", api_key_env="SOME_KEY")
    monkeypatch.delenv("SOME_KEY", raising=False)
    without = entrez_limiter(Path("cache"), settings)
    monkeypatch.setenv("SOME_KEY", "abc")
    with_key = entrez_limiter(Path("cache"), settings)
    assert 0.34 <= without.spacing_s <= 0.37
    assert 0.10 <= with_key.spacing_s <= 0.13
    assert without.name != with_key.name
    assert "abc" not in repr(with_key) + repr(settings)
