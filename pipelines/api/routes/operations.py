"""The page, health and metrics."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipelines.api.messages import Health, examples
from pipelines.api.metrics import Metrics
from pipelines.api.page import make_page
from pipelines.api.predicting import Predictor
from pipelines.api.routes.describing import of_text
from pipelines.api.served import ServedRun


def add_page(app: FastAPI, served: ServedRun) -> None:
    """For people."""
    page = make_page(served)
    headers = {"Content-Security-Policy": page.policy, "X-Content-Type-Options": "nosniff"}

    @app.get("/", include_in_schema=False)
    async def shown() -> HTMLResponse:
        return HTMLResponse(page.html, headers=headers)


def add_health(app: FastAPI, predictor: Predictor) -> None:
    """Whether the process lives, and whether it answers."""

    @app.get("/healthz", summary="Whether the process is alive")
    async def healthz() -> Health:
        return Health(status="alive")

    @app.get(
        "/readyz",
        summary="Whether predictions are answered",
        responses={200: {"model": Health}, 503: {"model": Health}},
    )
    async def readyz() -> JSONResponse:
        ready = predictor.ready
        return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """For Prometheus."""

    @app.get(
        "/metrics",
        summary="For Prometheus",
        response_class=PlainTextResponse,
        responses=of_text("text/plain", examples.METRICS),
    )
    async def collected() -> PlainTextResponse:
        return PlainTextResponse(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
