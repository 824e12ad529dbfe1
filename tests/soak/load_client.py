"""Clients that each send an image as soon as their last one is answered, from a process of their own.

python tests/soak/load_client.py URL FOLDER --clients 16 --seconds 60 [--requests 10000]

Prints one JSON line: the answers by status, and the seconds that each took. It stops by itself.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Load:
    """What clients met.

    Attributes:
        statuses: Answers by HTTP status; `"lost"` stands for connections that broke.
        seconds: Of each answer.
        lasted: From the first request to the last answer.
    """

    statuses: dict[str, int]
    seconds: tuple[float, ...]
    lasted: float

    @property
    def failed(self) -> int:
        """Answers that were no predictions."""
        return sum(count for status, count in self.statuses.items() if status != "200")

    @property
    def predictions(self) -> int:
        """Answers that were."""
        return self.statuses.get("200", 0)


class Clients:
    """Some clients that share a list of requests, a deadline and a number of requests."""

    def __init__(self, url: str, images: list[bytes], *, seconds: float, requests: int) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.requests = cycle([request_of(parts.netloc, image) for image in images])
        self.end, self.left = time.perf_counter() + seconds, requests
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []

    def turns(self) -> Iterator[bytes]:
        """What the next client sends."""
        while self.left > 0 and time.perf_counter() < self.end:
            self.left -= 1
            yield next(self.requests)

    async def client(self) -> None:
        """Keeps one connection, and opens it anew where the server closed it."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        for request in self.turns():
            started = time.perf_counter()
            try:
                writer.write(request)
                status, closes = await answer(reader)
            except (OSError, asyncio.IncompleteReadError):
                status, closes = "lost", True
            self.statuses[status] += 1
            self.seconds.append(time.perf_counter() - started)
            if closes:
                writer.close()
                reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.close()

    async def run(self, clients: int) -> Load:
        """All of them, until the deadline or the last request."""
        started = time.perf_counter()
        await asyncio.gather(*(self.client() for _ in range(clients)))
        return Load(dict(self.statuses), tuple(self.seconds), time.perf_counter() - started)


def request_of(host: str, image: bytes) -> bytes:
    """As it goes over the wire."""
    head = f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(image)}\r\n\r\n"
    return head.encode() + image


async def answer(reader: asyncio.StreamReader) -> tuple[str, bool]:
    """Status, and whether the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(fields["content-length"]))
    return head.split(" ", 2)[1], fields.get("connection") == "close"


def main() -> None:
    """One load."""
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("folder", type=Path)
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--requests", type=int, default=1_000_000)
    asked = options.parse_args()
    images = [path.read_bytes() for path in sorted(asked.folder.iterdir())]
    clients = Clients(asked.url, images, seconds=asked.seconds, requests=asked.requests)
    sys.stdout.write(json.dumps(asdict(asyncio.run(clients.run(asked.clients)))) + "\n")


if __name__ == "__main__":
    main()
