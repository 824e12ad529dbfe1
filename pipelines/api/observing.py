"""Every request has a number, is counted and timed, and leaves a line in the log, never what was sent."""

import json
import logging
import time
from dataclasses import dataclass, field
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("knobo.api")
HEADER = b"x-request-id"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Metrics:
    """What Prometheus collects; a registry of its own, so that several servers of one process do not mix."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        """Registers everything."""
        register = object.__setattr__  # frozen for everybody else
        labels, registry = ("method", "route", "status"), self.registry
        register(self, "requests", Counter("knobo_requests", "Requests answered.", labels, registry=registry))
        register(
            self,
            "seconds",
            Histogram(
                "knobo_request_seconds", "Time to answer.", ("route",), registry=registry, buckets=SECONDS
            ),
        )
        register(
            self,
            "batches",
            Histogram("knobo_batch_images", "Images encoded together.", registry=registry, buckets=SIZES),
        )
        register(
            self,
            "predictions",
            Counter("knobo_predictions", "By split and class.", ("split", "predicted"), registry=registry),
        )
        register(
            self,
            "waiting",
            Gauge("knobo_waiting_images", "Images received, waiting or in work.", registry=registry),
        )

    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    batches: Histogram = field(init=False)
    predictions: Counter = field(init=False)
    waiting: Gauge = field(init=False)


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
        started, number, status = time.perf_counter(), uuid4().hex, 500
        scope.setdefault("state", {})["request"] = number

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (HEADER, number.encode())]}
            await send(message)

        try:
            await self.app(scope, receive, numbered)
        finally:
            self.note(scope, number, status, time.perf_counter() - started)

    def note(self, scope: Scope, number: str, status: int, seconds: float) -> None:
        """In the log and the metrics; the route and not the path, for a path may hold anything."""
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in {"GET", "POST", "HEAD"} else "other"
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        line = {
            "request": number,
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 4),
        }
        log.info(json.dumps(line))
