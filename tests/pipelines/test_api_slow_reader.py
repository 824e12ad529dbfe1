"""A client that takes a large answer: slowly but steadily, or not at all."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from pipelines.api.metrics import Metrics
from pipelines.api.serve import server_config
from pipelines.api.settings import Limits

ANSWER = bytes(12_000_000)  # more than the buffers of a socket
LIMITS = Limits(seconds_to_ask=0.5, seconds_to_take=1.0)


@dataclass
class Server:
    """One that gives everybody the same.

    Attributes:
        address: Of its socket.
        metrics: What it counts.
    """

    address: tuple[str, int]
    metrics: Metrics

    def cut(self) -> float:
        samples = [sample for each in self.metrics.cut.collect() for sample in each.samples]
        return sum(each.value for each in samples if each.name.endswith("_total"))

    def asked(self, header: str) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.settimeout(20)
        client.connect(self.address)
        client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{header}\r\n".encode())
        return client


async def same_answer(_: Scope, __: Receive, send: Send) -> None:
    headers = [(b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


@pytest.fixture
def server() -> Iterator[Server]:
    metrics = Metrics()
    config = server_config(same_answer, LIMITS, metrics)  # type: ignore[arg-type]  # any app will do
    config.lifespan = "off"
    running = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        yield Server(listening.getsockname(), metrics)
        running.should_exit = True
        thread.join()


@pytest.mark.parametrize("header", ["", "Connection: close\r\n"])
def test_who_takes_an_answer_slowly_but_steadily_is_given_all_of_it(server: Server, header: str) -> None:
    started, length = time.monotonic(), 0
    with server.asked(header) as client:
        while length < len(ANSWER) and (part := client.recv(65536)):
            length += len(part)
            time.sleep(0.02)
    assert time.monotonic() - started > 2 * LIMITS.seconds_to_take
    assert length >= len(ANSWER)
    assert server.cut() == 0


@pytest.mark.parametrize("header", ["", "Connection: close\r\n"])
def test_who_stops_taking_is_cut(server: Server, header: str) -> None:
    with server.asked(header) as client:
        client.recv(65536)
        end = time.monotonic() + 10
        while not server.cut() and time.monotonic() < end:
            time.sleep(0.1)
        assert server.cut() == 1
