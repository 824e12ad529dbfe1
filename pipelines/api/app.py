"""The routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware import Middleware

from pipelines.api.guarding import Guarded
from pipelines.api.messages import (
    Health,
    InterventionRequest,
    InterventionResult,
    Prediction,
    Problem,
    ServedConcept,
)
from pipelines.api.observing import Metrics, Observed
from pipelines.api.page import make_page
from pipelines.api.predicting import Predictor
from pipelines.api.problems import handle_problems
from pipelines.api.served import DICOM, ServedRun
from pipelines.api.settings import Keys, Limits

SplitQuery = Annotated[
    str | None, Query(max_length=200, description="Whose classifier; the first split's where none is named.")
]
BINARY = {"schema": {"type": "string", "format": "binary"}}
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The image file itself.",
        "content": dict.fromkeys(("image/png", "image/jpeg", "image/tiff", DICOM), BINARY),
    }
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals of a route, for its description."""
    return {status: {"model": Problem} for status in (400, 401, 403, 404, 408, 413, 422, *statuses)}


def create_app(served: ServedRun, *, limits: Limits, keys: Keys) -> FastAPI:
    """The API of a run.

    Args:
        served: What answers.
        limits: Of a request.
        keys: That are let in; anybody where there is none.
    """
    metrics = Metrics()
    predictor = Predictor(served, limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with predictor.running():
            yield

    app = FastAPI(
        title=f"knobo: {served.name}",
        version=version("knobo"),
        description=f"Predictions on {served.modality} images as sums of concepts, each with its evidence.",
        lifespan=lifespan,
        docs_url=None,  # both pages load their scripts from elsewhere
        redoc_url=None,
        middleware=[
            Middleware(Observed, metrics=metrics),
            Middleware(Guarded, keys=keys, limits=limits),
        ],
    )
    handle_problems(app)
    add_page(app, served)
    add_health(app, predictor)
    add_predictions(app, predictor)
    add_concepts(app, served)
    add_metrics(app, metrics)
    return app


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

    @app.get("/readyz", summary="Whether predictions are answered", responses={503: {"model": Health}})
    async def readyz() -> JSONResponse:
        ready = predictor.ready
        return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)


def add_predictions(app: FastAPI, predictor: Predictor) -> None:
    """Predictions, and what changes them."""
    served = predictor.served

    @app.post(
        "/v1/predict",
        summary="An image as a sum of concepts",
        openapi_extra=UPLOAD,
        responses=problems(503, 504),
    )
    async def predict(request: Request, split: SplitQuery = None) -> Prediction:
        asked = split_asked(served, split)  # before the image is read
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        scores = await predictor.scores(request.body, media_type=media_type)
        answer = served.answer(scores, asked)
        predictor.metrics.predictions.labels(asked, answer.predicted).inc()
        return Prediction.of(
            answer,
            request=request.state.request,
            run=served.name,
            audit=served.audit,
            scores=dict(zip(served.concept_ids, map(float, scores), strict=True)),
        )

    @app.post(
        "/v1/intervene", summary="The same image with some concepts set by hand", responses=problems(409)
    )
    async def intervene(request: Request, asked: InterventionRequest) -> InterventionResult:
        split = split_asked(served, asked.split)
        require_concepts(served, asked)
        scores = score_vector(served, asked)
        found = served.intervene(scores, split, asked.set)
        return InterventionResult.of(
            found, served.answer_after(scores, found, split), request=request.state.request
        )


def split_asked(served: ServedRun, name: str | None) -> str:
    """The split that is named, or the first."""
    if name is not None and name not in served.splits:
        raise HTTPException(404, f"the run has no split {name!r}; it has {', '.join(served.splits)}")
    return name or served.default_split


def require_concepts(served: ServedRun, asked: InterventionRequest) -> None:
    """Refuses concepts that the classifiers do not use."""
    foreign = sorted(set(asked.set) - set(served.concept_ids))
    if foreign:
        raise HTTPException(404, f"the run has no concept {foreign[0]!r}; /v1/concepts lists those it has")


def score_vector(served: ServedRun, asked: InterventionRequest) -> NDArray[np.float64]:
    """Scores `(c,)` in the order of the run."""
    if set(asked.scores) != set(served.concept_ids):
        known = set(served.concept_ids)
        missing, foreign = len(known - set(asked.scores)), len(set(asked.scores) - known)
        raise HTTPException(
            409,
            f"`scores` must be those of /v1/predict: of {len(known)} concepts {missing} are missing, "
            f"{foreign} are none of this run",
        )
    return np.array([asked.scores[concept] for concept in served.concept_ids])


def add_concepts(app: FastAPI, served: ServedRun) -> None:
    """What the classifiers look at."""
    concepts = tuple(served_concepts(served))

    @app.get(
        "/v1/concepts", summary="Every concept in use, with its evidence and weights", responses=problems()
    )
    async def listed() -> tuple[ServedConcept, ...]:
        return concepts


def served_concepts(served: ServedRun) -> list[ServedConcept]:
    """In the order of the scores."""
    found = []
    for column, (concept_id, quality) in enumerate(
        zip(served.concept_ids, served.grounder.quality, strict=True)
    ):
        concept = served.bank[concept_id]
        evidence = concept.evidence[0] if concept.evidence else None
        found.append(
            ServedConcept(
                id=concept_id,
                question=concept.question,
                auroc=quality.auroc,
                weights={
                    split.name: dict(
                        zip(
                            split.head.classes,
                            split.head.weight[:, column].astype(float).tolist(),
                            strict=True,
                        )
                    )
                    for split in served.splits.values()
                },
                quote=evidence.quote if evidence else "",
                locator=served.passages[evidence.passage_id].locator if evidence else "no quoted source",
            )
        )
    return found


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """For Prometheus."""

    @app.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse, responses=problems())
    async def collected() -> PlainTextResponse:
        return PlainTextResponse(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
