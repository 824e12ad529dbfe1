"""Requests that mean harm, drawn from a seed, and what a server may answer to them."""

import json
import random
import time
from collections.abc import Iterator

from api_attack_images import bombs, damaged_uploads, picture
from api_searchable import READER, STARTER
from api_wire import CUT, KEY, REFUSED, Attack, answer, request

HARMLESS = {"folded", "huge chunk"}  # the standard allows the one; the other is of a body that nobody reads


def traversals() -> Iterator[Attack]:
    """Ways out of a folder, in every place that takes a name."""
    ways = ("../", "..%2f", "%2e%2e/", "..%5c", "%252e%252e%252f", "..%c0%af", "%00", "..;/", "//", "/./")
    aims = ("etc/passwd", "keys", "audit.json", "order.json")
    for way in ways:
        for aim in aims:
            path = way * 6 + aim
            for target in (f"/{path}", f"/v1/audits/{path}", f"/v1/audits/{path}/report"):
                yield Attack(f"path {target}", request("GET", target), REFUSED)
            for route, name in (("audits", "configuration"), ("search", "sources")):
                value = path if name == "configuration" else [path]
                body = json.dumps({name: value, **({"query": "a"} if route == "search" else {})}).encode()
                sent = request("POST", f"/v1/{route}", body, key=f"X-API-Key: {STARTER}")
                yield Attack(f"{name} {path}", sent, REFUSED)
            yield Attack(
                f"split {path}", request("POST", f"/v1/predict?split={path}", picture("PNG")), REFUSED
            )


def wrong_keys(generator: random.Random) -> Iterator[Attack]:
    """Everything that is nearly a key."""
    near = [READER[:-1], READER + "x", READER.upper(), READER[::-1], "", " ", "*", "%00", "null", READER * 50]
    near += ["".join(generator.choices("abcdef-", k=len(READER))) for _ in range(10)]
    near += [f"{READER}\x00", "\u212a" + READER[1:], "' OR 1=1 --", f"{READER}, {STARTER}"]
    forms = ("X-API-Key: {}", "Authorization: Bearer {}", "Authorization: Basic {}", "Cookie: key={}")
    for key in near:
        for form in forms:
            for method, target in (("GET", "/v1/concepts"), ("POST", "/v1/audits"), ("GET", "/metrics")):
                sent = request(method, target, b"{}" if method == "POST" else b"", key=form.format(key))
                yield Attack(f"key {form} {key[:60]!r} {target}", sent, frozenset({400, 401}))
    for form in (
        f"Authorization: Basic {READER}",
        f"Authorization: Bearer wrong\r\n{KEY}",
        f"{KEY}\r\nX-API-Key: x",
    ):
        yield Attack(f"key {form!r}", request("GET", "/v1/concepts", key=form), frozenset({401}))
    yield Attack(
        "a key without the right", request("POST", "/v1/audits", b'{"configuration": "x"}'), frozenset({403})
    )


def bodies() -> Iterator[Attack]:
    """JSON that is none, or means something else."""
    values: list[bytes] = [
        b"", b"{", b"[" * 5000, b'{"a":' * 3000, b"null", b"[]", b'"a"', b"1e999", b"NaN", b"-Infinity",
        b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}", b"\xc0\x80", b"\xed\xa0\x80", b'{"query": "\\ud800"}',
        b'{"query": "' + b"a" * 5000 + b'"}', b'{"query": ""}', b'{"query": "a", "limit": 1e400}',
        b'{"query": "a", "limit": 99999999999999999999999}', b'{"query": "a", "limit": true}',
        b'{"query": "a", "limit": -1}', b'{"query": "a", "year_from": 10000}', b'{"query": "a", "more": 1}',
        b'{"query": "a", "sources": "pubmed"}', b'{"query": "a", "sources": [""]}', b'{"query": ["a"]}',
        b'{"query": {"$ne": 1}}', b'{"query": "a", "__proto__": {}}', b'{"query": "a", "retracted": "yes"}',
        b'{"query": "a", "licenses": ' + json.dumps(["x"] * 60).encode() + b"}",
        b'{"scores": {"x": NaN}, "set": {"x": true}}', b'{"scores": {"x": 1e999}, "set": {"x": true}}',
        b'{"scores": {}, "set": {"' + b"x" * 300 + b'": true}}', b'{"scores": {}, "set": {"\\u0000": true}}',
        b'{"configuration": "\\ud800"}', b'{"configuration": ""}', b'{"configuration": 1}',
        b'{"configuration": "' + b"a" * 300 + b'"}', b"a" * 30_000, b"configuration=weekly", b"\0" * 100,
    ]  # fmt: skip
    for route in ("search", "intervene", "audits"):
        for number, body in enumerate(values):
            for media in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                headers = f"Content-Type: {media}"
                lenient = route == "search" and b"\\ud800" in body  # half a character is looked for as `?`
                sent = request("POST", f"/v1/{route}", body, headers, key=f"X-API-Key: {STARTER}")
                yield Attack(
                    f"{route} body {number} as {media}", sent, REFUSED | {200} if lenient else REFUSED
                )


def malformed() -> Iterator[Attack]:
    """What is no HTTP, or two requests for those who count differently."""
    plain = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    lines = {
        "nothing": b"\r\n" * 20,
        "zeros": bytes(500),
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/0.9": b"GET /\r\n\r\n",
        "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
        "no host": b"GET /v1/concepts HTTP/1.1\r\n\r\n",
        "two hosts": plain + b"Host: other\r\n\r\n",
        "two lengths": plain + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "length and chunks": plain + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
        "minus length": plain + b"Content-Length: -1\r\n\r\n",
        "word length": plain + b"Content-Length: a\r\n\r\n",
        "bad chunk": plain + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "huge chunk": plain + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        "unknown coding": plain + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "folded": plain + b"X: a\r\n b\r\n\r\n",
        "blank name": plain + b": a\r\n\r\n",
        "space in name": plain + b"X Y: a\r\n\r\n",
        "zero in value": plain + b"X: a\0b\r\n\r\n",
        "bare line feeds": b"GET /nowhere HTTP/1.1\nHost: localhost\n\n",
        "long header": plain + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        "many headers": plain + b"X: a\r\n" * 20_000 + b"\r\n",
        "long target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "non-ASCII target": "GET /é HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        "zero in target": b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "another host": b"GET http://other/v1/concepts HTTP/1.1\r\nHost: other\r\n\r\n",
        "CONNECT": b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "TRACE": request("TRACE", "/healthz"),
        "DELETE": request("DELETE", "/v1/concepts"),
        "own method": request("A" * 2000, "/v1/concepts"),
        "star": request("OPTIONS", "*"),
        "web socket": request(
            "GET", "/v1/concepts", b"", "Upgrade: websocket", "Sec-WebSocket-Key: a", key=None
        ),
        "range": request("GET", "/nowhere", b"", "Range: bytes=0-18446744073709551615"),
        "too long body": request("POST", "/v1/search", length=10**12),
        "body beyond limit": request("POST", "/v1/predict", bytes(250_000)),
        "cut body": request("POST", "/v1/search", b'{"query"', length=1000),
        "cut upload": request("POST", "/v1/predict", picture("PNG")[:50], length=5000),
        "cut multipart": request(
            "POST",
            "/v1/predict",
            b'--b\r\nContent-Disposition: form-data; name="a"; filename="../../a"\r\n\r\n',
            "Content-Type: multipart/form-data; boundary=b",
        ),
        "multipart without boundary": request(
            "POST", "/v1/predict", b"--\r\n", "Content-Type: multipart/form-data"
        ),
        "wide unicode": request("GET", "/v1/%F0%9F%92%A9%ED%A0%80%C0%80?split=%FF%FE"),
        "many parameters": request("GET", "/v1/audits/x?" + "a=b&" * 10_000),
    }
    for name, data in lines.items():
        fine = {200} if name in HARMLESS else set()
        yield Attack(f"malformed: {name}", data, REFUSED | {CUT} | fine, ends=True)


def attacks(seed: int, *, uploads: int) -> list[Attack]:
    """All of them, so many damaged uploads among them, in an order drawn from the seed."""
    generator = random.Random(seed)
    found = [
        *damaged_uploads(generator, uploads),
        *bombs(),
        *traversals(),
        *wrong_keys(generator),
        *bodies(),
        *malformed(),
    ]
    generator.shuffle(found)
    return found


def faults(address: tuple[str, int], tried: list[Attack]) -> list[str]:
    """What was answered otherwise than allowed, too slowly, or with something that is nobody's business."""
    found = []
    for attack in tried:
        started = time.monotonic()
        status, body = answer(address, attack)
        seconds = time.monotonic() - started
        secret = any(word in body for word in (b"root:", b"Traceback", READER.encode(), STARTER.encode()))
        if status not in attack.allowed or secret or seconds > 15:
            found.append(f"{attack.name}: {status} in {seconds:.1f} s, {body[:200]!r}")
    return found
