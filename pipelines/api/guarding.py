"""Who may ask, how much may be sent, and how long sending may take; decided before anything is read."""

import asyncio
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from knowledge.loopback import is_loopback
from pipelines.api.problems import problem
from pipelines.api.settings import HEADER_BYTES, Caller, Keys, Limits

HEALTH = frozenset({"/healthz", "/readyz"})
OPEN = HEALTH | {"/", "/openapi.json"}
CROWDED = "crowded"  # in the state of a request: it came by more connections than are allowed
UPLOADS = frozenset({"/v1/maps", "/v1/predict"})
BEARER = "bearer "
VERSIONS = frozenset({"1.0", "1.1"})


class Guarded:
    """ASGI middleware that answers or limits a request.

    Args:
        app: What answers.
        keys: That are let in.
        limits: Of a request.
    """

    def __init__(self, app: ASGIApp, keys: Keys, limits: Limits) -> None:
        self.app, self.keys, self.limits = app, keys, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        most = self.limits.upload_bytes if path in UPLOADS else self.limits.json_bytes
        headers = Headers(scope=scope)
        caller = self.caller(headers)
        scope.setdefault("state", {})["caller"] = caller
        refused = crowded(scope) or misformed(scope, headers) or self.refusal(headers, path, most, caller)
        if refused is not None:  # nobody above would turn an exception into an answer
            response = problem(Request(scope), refused.status_code, refused.detail, refused.headers)
            await response(scope, receive, send)
        else:
            await self.app(scope, self.limited(receive, most), send)

    def caller(self, headers: Headers) -> Caller | None:
        """Who asks; nobody where one of the keys that were sent is unknown, whichever header holds it."""
        callers = [self.keys.caller(key) for key in keys_of(headers)]
        return None if None in callers else callers[0]

    def refusal(self, headers: Headers, path: str, most: int, caller: Caller | None) -> HTTPException | None:
        """Why the request is not even read."""
        if not self.keys.digests and is_foreign(headers):
            detail = "without keys only pages and programs of this machine are answered; serve with --keys"
            return HTTPException(403, detail)
        if path not in OPEN and caller is None:
            detail = "the key is missing or unknown; send it as `Authorization: Bearer KEY`"
            return HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})
        if sum(len(name) + len(value) + 4 for name, value in headers.raw) > HEADER_BYTES:
            return HTTPException(431, f"the headers have more than {HEADER_BYTES:,} bytes; send fewer")
        return too_large(most) if declared_length(headers) > most else None

    def limited(self, receive: Receive, most: int) -> Receive:
        """Receives no more than that, and not for ever."""
        received, end = 0, asyncio.get_running_loop().time() + self.limits.seconds_to_send
        complete = False

        async def receive_within() -> Message:
            nonlocal received, complete
            if complete:  # what follows is the end of the connection, for which one may wait
                return await receive()
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(
                    408, f"the request was not sent within {self.limits.seconds_to_send:g} s; send it faster"
                ) from error
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > most:
                raise too_large(most)
            return message

        return receive_within


def crowded(scope: Scope) -> HTTPException | None:
    """Why a request is not read that comes by one connection too many; whether the server lives is told."""
    if not scope["state"].get(CROWDED) or scope["path"] in HEALTH:
        return None
    return HTTPException(
        503, "too many connections are open; send it again in a second", {"Retry-After": "1"}
    )


def misformed(scope: Scope, headers: Headers) -> HTTPException | None:
    """Why a request is not read that others on its way may have understood in another way."""
    version, hosts = scope["http_version"], headers.getlist("host")
    if version not in VERSIONS:
        return HTTPException(400, "this is no version of HTTP that is spoken here; use HTTP/1.1")
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return HTTPException(400, "the request does not name its host once; send one Host header")
    codings = headers.getlist("transfer-encoding")
    if codings and [each.strip().lower() for each in codings] != ["chunked"]:
        return HTTPException(400, "only `chunked` is understood as Transfer-Encoding; send it alone")
    if codings and "content-length" in headers:
        return HTTPException(400, "the request tells its length in two ways; leave Content-Length out")
    return None


def is_foreign(headers: Headers) -> bool:
    """Whether a page from elsewhere may be behind the request: its name led here, or it posts from its own.

    A browser on this machine reaches what listens on loopback, whoever wrote the page that it shows.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return not is_loopback(name) or (origin is not None and urlsplit(origin).netloc != host)
    except ValueError:  # brackets that do not close
        return True


def keys_of(headers: Headers) -> list[str]:
    """The keys that were sent; one empty where there is none, or the header is of another scheme."""
    bearers = [
        value[len(BEARER) :].strip() if value.lower().startswith(BEARER) else ""
        for value in headers.getlist("authorization")
    ]
    return [*bearers, *headers.getlist("x-api-key")] or [""]


def declared_length(headers: Headers) -> int:
    """What the client says that it will send; 0 where it does not."""
    value = headers.get("content-length", "0")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


def too_large(most: int) -> HTTPException:
    """More was sent, or announced, than is allowed."""
    return HTTPException(413, f"the request has more than {most:,} bytes, the limit here; send a smaller one")
