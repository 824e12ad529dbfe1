"""More than a thousand hostile requests to a served run, and those that its own description leads to."""

import logging
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

import httpx
import pytest
from api_attacks import attacks, faults
from api_example import LIMITS, Serving, png
from api_searchable import READER, STARTER, make_searchable_run, two_keys

log = logging.getLogger("soak")
KEY = {"x-api-key": READER}
UPLOADS = 500


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "configurations").mkdir()
    (folder / "configurations" / "damaged.toml").write_text("name = 1\n")
    run = make_searchable_run(folder / "small")
    limits = replace(LIMITS, seconds_to_ask=2.0, seconds_to_take=2.0, silent=100, waiting=16)
    with Serving(run, two_keys(folder), limits, configurations=folder / "configurations") as server:
        yield server


def statuses(serving: Serving) -> Counter[str]:
    lines = httpx.get(f"{serving.url}/metrics", headers=KEY).text.splitlines()
    found: Counter[str] = Counter()
    for line in lines:
        if each := re.match(r'knobo_requests_total\{.*status="(\d+)"\} (.+)', line):
            found[each[1]] += int(float(each[2]))
    return found


def test_a_thousand_hostile_requests_are_refused_and_the_server_goes_on(serving: Serving) -> None:
    expected = httpx.post(f"{serving.url}/v1/predict", content=png(), headers=KEY).json()["scores"]
    tried = attacks(6, uploads=UPLOADS)
    assert len(tried) >= 1000
    assert faults(serving.socket.getsockname(), tried) == []
    after = httpx.post(f"{serving.url}/v1/predict", content=png(), headers=KEY).json()["scores"]
    assert after == pytest.approx(expected, rel=1e-6)
    assert statuses(serving)["500"] == 0
    log.info("%d hostile requests, answered %s", len(tried), dict(statuses(serving)))


@pytest.mark.parametrize(("seed", "key"), [(1, READER), (2, STARTER)])
def test_the_server_keeps_to_its_own_description(
    serving: Serving, seed: int, key: str, tmp_path: Path
) -> None:
    program = shutil.which("schemathesis") or pytest.skip("schemathesis is not installed")
    command = [
        *(program, "run", f"{serving.url}/openapi.json", "--header", f"X-API-Key: {key}", "--no-color"),
        *("--checks", "all", "--max-examples", "60", "--seed", str(seed), "--request-timeout", "20"),
        *("--max-time", "150"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-5000:]
    found = re.search(r"(\d+) generated", done.stdout)
    assert found is not None
    assert int(found[1]) >= 500
    log.info("%s of seed %d", found[0], seed)
    assert statuses(serving)["500"] == 0


def test_five_hundred_slow_connections_do_not_keep_others_out(serving: Serving) -> None:
    address = serving.socket.getsockname()
    starts = [
        b"GET /healthz HTTP/1.1\r\nX-Never: ",
        b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
        f"POST /v1/search HTTP/1.1\r\nHost: a\r\nX-API-Key: {READER}\r\nContent-Length: 9\r\n\r\n{{".encode(),
        b"",
    ]
    with ExitStack() as crowd:
        for number in range(500):
            slow = crowd.enter_context(socket.create_connection(address, timeout=20))
            slow.sendall(starts[number % len(starts)])
            if number % 50 == 0:
                started = monotonic()
                assert httpx.get(f"{serving.url}/v1/concepts", headers=KEY).status_code == 200
                assert monotonic() - started < 5
        answer = httpx.post(f"{serving.url}/v1/search", json={"query": "heart"}, headers=KEY)
        assert answer.json()["passages"][0]["id"] == "p1"


def test_whoever_takes_nothing_is_cut(serving: Serving) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        slow.settimeout(20)
        slow.connect(serving.socket.getsockname())
        ask = f"GET /openapi.json HTTP/1.1\r\nHost: a\r\nX-API-Key: {READER}\r\n\r\n".encode()
        started = monotonic()
        while monotonic() - started < 15 and sent(slow, ask):
            pass
        assert monotonic() - started < 15
    assert httpx.get(f"{serving.url}/v1/concepts", headers=KEY).status_code == 200


def sent(client: socket.socket, data: bytes) -> bool:
    try:
        client.sendall(data)
    except OSError:
        return False
    return True
