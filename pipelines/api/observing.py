"""Every request has a number, is counted and timed, and leaves a line in the log, never what was sent."""

import logging
import time
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.api.metrics import Metrics

log = logging.getLogger("knobo.api")
HEADER = b"x-request-id"
METHODS = frozenset({"GET", "HEAD", "POST"})


class Observed:
    """ASGI middleware around everything.

    Args:
        app: What answers.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, number, status, size = time.perf_counter(), uuid4().hex, 500, 0
        scope.setdefault("state", {})["request"] = number

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return message

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (HEADER, number.encode())]}
            await send(message)

        try:
            await self.app(scope, counted, numbered)
        finally:
            self.note(scope, status, size=size, seconds=time.perf_counter() - started)

    def note(self, scope: Scope, status: int, *, size: int, seconds: float) -> None:
        """In the log and the metrics; the route and not the path, for a path may hold anything."""
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        self.metrics.received.labels(route).inc(size)
        caller = scope["state"].get("caller")
        fields = {
            "request": scope["state"]["request"],
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
            "bytes": size,
            "key": caller.name if caller else "",
        }
        log.info("request", extra={"fields": fields})
