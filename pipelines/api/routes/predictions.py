"""Predictions, and what changes them."""

from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from numpy.typing import NDArray

from pipelines.api.messages import InterventionRequest, InterventionResult, Prediction
from pipelines.api.predicting import Predictor
from pipelines.api.routes.describing import problems
from pipelines.api.served import DICOM, ServedRun

SplitQuery = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Whose classifier; the first split's where none is named.",
        examples=["hospital"],
    ),
]
BINARY = {"schema": {"type": "string", "format": "binary"}}
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The image file itself.",
        "content": dict.fromkeys(("image/png", "image/jpeg", "image/tiff", DICOM), BINARY),
    }
}


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
        scores = await predictor.scores(request.stream, media_type=media_type_of(request))
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


def media_type_of(request: Request) -> str:
    """As the client names it, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


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
