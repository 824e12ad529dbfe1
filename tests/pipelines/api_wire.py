"""One hostile request on one connection, and what comes back."""

import socket
from dataclasses import dataclass, field

from api_searchable import READER

REFUSED = frozenset({400, 401, 403, 404, 405, 408, 409, 410, 413, 414, 422, 431, 503})
CUT = 0  # the connection ended without an answer
KEY = f"X-API-Key: {READER}"


@dataclass(frozen=True)
class Attack:
    """Bytes for one connection.

    Attributes:
        name: What it tries, as a failed test tells it.
        data: Everything that is sent.
        allowed: Status codes; `CUT` for a connection that is closed.
        ends: Whether the client says that nothing follows.
    """

    name: str
    data: bytes
    allowed: frozenset[int] = REFUSED
    ends: bool = field(default=False)


def request(
    method: str,
    target: str,
    body: bytes = b"",
    *headers: str,
    key: str | None = KEY,
    length: int | None = None,
) -> bytes:
    """One request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if key is not None:
        lines.append(key)
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def answer(address: tuple[str, int], attack: Attack, *, seconds: float = 20) -> tuple[int, bytes]:
    """Status and what follows; `CUT` where the server closed the connection without a word."""
    with socket.create_connection(address, timeout=seconds) as client:
        found = b""
        try:
            client.sendall(attack.data)
            if attack.ends:
                client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all was sent; the answer may be there
        try:
            while part := client.recv(65536):
                found += part
        except ConnectionResetError:
            pass
    if not found:
        return CUT, b""
    head, _, body = found.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


def read_head(client: socket.socket) -> bytes:
    """Status line and headers of the next answer, in however many packets they come.

    What came behind them in the same packet is read as well; where the connection ends, what there was.
    """
    found = b""
    while b"\r\n\r\n" not in found and (part := client.recv(4096)):
        found += part
    return found
