"""Some hundred hostile requests of a seed; `make soak` sends all of them."""

import http.client
import random
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from api_attack_images import deflated_colour
from api_attacks import attacks, faults
from api_example import LIMITS, Serving, png
from api_searchable import READER, make_searchable_run, two_keys
from api_wire import read_head

from pipelines.api.settings import Limits

TRIED = 150
KEY = {"x-api-key": READER}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "configurations").mkdir()
    make_searchable_run(folder / "small")
    return folder


@pytest.fixture(scope="module")
def serving(folder: Path) -> Iterator[Serving]:
    limits = replace(LIMITS, seconds_to_ask=1.0, seconds_to_take=1.0, silent=20)
    keys = two_keys(folder)
    with Serving(folder / "small", keys, limits, configurations=folder / "configurations") as server:
        yield server


def metric(serving: Serving, name: str) -> float:
    lines = httpx.get(f"{serving.url}/metrics", headers=KEY).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_hostile_requests_are_refused_and_the_server_goes_on(serving: Serving) -> None:
    some = random.Random(0).sample(attacks(0, uploads=60), TRIED)
    assert faults(serving.socket.getsockname(), some) == []
    answer = httpx.post(f"{serving.url}/v1/predict", content=png(), headers=KEY)
    assert answer.status_code == 200
    assert metric(serving, 'knobo_requests_total{method="POST",route="/v1/predict",status="500"}') == 0


def test_with_the_limits_of_a_server_few_bytes_of_deflated_colour_take_little_memory(folder: Path) -> None:
    bombs = {
        "probabilities": deflated_colour(1500),
        "768,000,000 bytes of pixels, the limit is 512,000,000": deflated_colour(8000, bits=32),
        "9000 x 9000 pixels, the limit is 64,000,000": deflated_colour(9000),
    }
    with Serving(folder / "small", two_keys(folder), Limits()) as serving:
        httpx.post(f"{serving.url}/v1/predict", content=png(), headers=KEY)  # what is opened but once
        for said, bomb in bombs.items():
            assert len(bomb) < 4_000_000
            tracemalloc.start()
            try:
                answer = httpx.post(f"{serving.url}/v1/predict", content=bomb, headers=KEY)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert said in answer.text
            assert peak < 50_000_000  # 22 bytes for each of 1500 x 1500 pixels


@pytest.mark.parametrize(("key", "status"), [(f"X-API-Key: {READER}\r\n", b" 400 "), ("", b" 401 ")])
def test_a_body_that_is_no_http_ends_the_connection_and_is_no_error_of_the_server(
    serving: Serving, caplog: pytest.LogCaptureFixture, key: str, status: bytes
) -> None:
    with socket.create_connection(serving.socket.getsockname(), timeout=10) as client:
        head = f"POST /v1/search HTTP/1.1\r\nHost: a\r\n{key}Transfer-Encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        found = b"" if key else read_head(client)  # without a key it is answered before the body
        client.sendall(b"zz\r\n")
        while part := client.recv(4096):
            found += part
    assert status in found.partition(b"\r\n")[0]
    assert found.count(b"HTTP/1.1 ") == 1
    assert httpx.get(f"{serving.url}/v1/concepts", headers=KEY).status_code == 200
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


def test_whoever_does_not_ask_in_time_is_cut(serving: Serving) -> None:
    before = metric(serving, 'knobo_cut_connections_total{why="slow to ask"}')
    with socket.create_connection(serving.socket.getsockname(), timeout=10) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nX-Never: ")
        started = time.monotonic()
        try:
            while slow.recv(100):
                pass
        except ConnectionResetError:
            pass
        assert time.monotonic() - started < 5
    assert metric(serving, 'knobo_cut_connections_total{why="slow to ask"}') > before


def test_a_crowd_of_silent_connections_leaves_room_for_those_that_ask(serving: Serving) -> None:
    with ExitStack() as crowd:
        for _ in range(60):
            crowd.enter_context(socket.create_connection(serving.socket.getsockname(), timeout=10))
        assert httpx.get(f"{serving.url}/v1/concepts", headers=KEY).status_code == 200
        assert metric(serving, 'knobo_cut_connections_total{why="crowded"}') >= 40


def test_one_connection_too_many_is_refused_as_anything_else_and_health_is_told(folder: Path) -> None:
    limits = replace(LIMITS, connections=3)
    with Serving(folder / "small", two_keys(folder), limits) as serving, ExitStack() as crowd:
        for _ in range(3):
            crowd.enter_context(socket.create_connection(serving.socket.getsockname(), timeout=10))
        refused = httpx.get(f"{serving.url}/v1/concepts", headers=KEY)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert refused.json()["request"] == refused.headers["X-Request-Id"]
        assert httpx.get(f"{serving.url}/readyz").status_code == 200
        crowd.close()
        assert httpx.get(f"{serving.url}/v1/concepts", headers=KEY).status_code == 200
        assert metric(serving, 'knobo_requests_total{method="GET",route="unknown",status="503"}') == 1


def test_whoever_goes_on_sending_after_a_refusal_is_cut(serving: Serving) -> None:
    with socket.create_connection(serving.socket.getsockname(), timeout=10) as slow:
        slow.sendall(b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
        assert b" 401 " in read_head(slow)
        assert seconds_until_cut(slow) < 5


def seconds_until_cut(client: socket.socket) -> float:
    started = time.monotonic()
    try:
        while time.monotonic() - started < 10:
            client.sendall(b"a")
            time.sleep(0.1)
    except OSError:
        pass
    return time.monotonic() - started


def sent(serving: Serving, data: bytes) -> bytes:
    with socket.create_connection(serving.socket.getsockname(), timeout=10) as client:
        found = b""
        try:
            client.sendall(data)
            while part := client.recv(65536):
                found += part
        except OSError:
            pass
    return found


SEARCH = (
    f"POST /v1/search HTTP/1.1\r\nHost: a\r\nX-API-Key: {READER}\r\n"
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
)
ASK = f"GET /v1/concepts HTTP/1.1\r\nHost: a\r\nX-API-Key: {READER}\r\n".encode()
CHUNK = b'\r\n10\r\n{"query": "lung"\r\n1\r\n}\r\n0\r\n'


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000,
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 40_000,
        SEARCH.encode() + CHUNK + b"X: " + b"a" * 200_000,
        SEARCH.encode() + CHUNK + b"X: a\r\n" * 40_000,
        SEARCH.encode() + b"\r\n1;" + b"a" * 200_000,
    ],
    ids=["a long header", "many headers", "a long trailer", "many trailers", "a long extension"],
)
def test_what_is_no_body_is_not_held_without_end(serving: Serving, data: bytes) -> None:
    name = 'knobo_cut_connections_total{why="slow to ask"}'
    before, started = metric(serving, name), time.monotonic()
    found = sent(serving, data)
    assert found == b"" or found.startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - started < 0.9  # not only cut for being slow, which takes a second
    assert metric(serving, name) == before


def test_a_trailer_is_taken_and_changes_nothing(serving: Serving) -> None:
    whole = SEARCH.encode() + b"Connection: close\r\n" + CHUNK + b"Authorization: Bearer wrong\r\n\r\n"
    assert sent(serving, whole).startswith(b"HTTP/1.1 200 ")


def test_who_asks_on_and_on_without_waiting_is_answered_in_order_or_cut(serving: Serving) -> None:
    some = sent(serving, (ASK + b"\r\n") * 9 + ASK + b"Connection: close\r\n\r\n")
    assert some.count(b"HTTP/1.1 200 ") == 10
    before = metric(serving, 'knobo_cut_connections_total{why="too far ahead"}')
    sent(serving, (ASK + b"\r\n") * 2_000)
    assert metric(serving, 'knobo_cut_connections_total{why="too far ahead"}') == before + 1


def test_what_was_asked_is_answered_before_the_nonsense_behind_it(serving: Serving) -> None:
    found = sent(serving, ASK + b"\r\n\x16\x03\x01 is no HTTP\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: localhost\r\n"])
def test_a_request_names_its_host_once(serving: Serving, hosts: str) -> None:
    found = sent(serving, f"GET /healthz HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
    assert found.startswith(b"HTTP/1.1 400 ")


def test_a_request_that_waits_to_be_asked_for_its_body_is_asked(serving: Serving) -> None:
    head = f"POST /v1/predict HTTP/1.1\r\nHost: a\r\nX-API-Key: {READER}\r\nExpect: 100-continue\r\n"
    body = png()
    with socket.create_connection(serving.socket.getsockname(), timeout=10) as client:
        client.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        assert read_head(client).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        assert read_head(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "broken",
    [
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        SEARCH.encode() + b"\r\nzz\r\n",
    ],
    ids=["another kind of target", "no target", "a broken body"],
)
def test_whole_requests_are_answered_before_a_broken_one(serving: Serving, broken: bytes) -> None:
    assert sent(serving, broken).startswith(b"HTTP/1.1 400 ")
    found = sent(serving, (ASK + b"\r\n") * 2 + broken)
    assert (found.count(b"HTTP/1.1 200 "), found.count(b"HTTP/1.1 ")) == (2, 2)


def test_a_wish_for_another_protocol_is_passed_over(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    wish = ASK + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    found = sent(serving, wish * 3 + ASK + b"Connection: close\r\n\r\n")
    assert found.count(b"HTTP/1.1 200 ") == 4
    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


def test_a_request_of_http_1_0_needs_no_host(serving: Serving) -> None:
    assert sent(serving, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_who_idles_between_requests_is_not_called_slow(serving: Serving) -> None:
    name = 'knobo_cut_connections_total{why="slow to ask"}'
    before = metric(serving, name)
    with closing(http.client.HTTPConnection(*serving.socket.getsockname(), timeout=10)) as client:
        assert status(client) == 200
        socket_of_the_first = client.sock
        time.sleep(1.5)  # more than the second to ask in, less than a connection may idle
        assert status(client) == 200
        assert client.sock is socket_of_the_first
    assert metric(serving, name) == before


def status(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/v1/concepts", headers=KEY)
    answer = client.getresponse()
    answer.read()
    return answer.status
