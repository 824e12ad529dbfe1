"""Where in an image the concepts are seen."""

from fastapi import FastAPI, HTTPException, Request

from pipelines.api.messages.maps import ConceptMaps
from pipelines.api.predicting import Predictor
from pipelines.api.routes.describing import problems
from pipelines.api.routes.predictions import UPLOAD, media_type_of


def add_maps(app: FastAPI, predictor: Predictor) -> None:
    """Maps, for people to look at."""
    served = predictor.served

    @app.post(
        "/v1/maps",
        summary="Where in an image each concept is seen",
        openapi_extra=UPLOAD,
        responses=problems(409, 503, 504),
    )
    async def maps(request: Request) -> ConceptMaps:
        if served.mapper is None:
            raise HTTPException(
                409,
                'the features of this run do not know their place; a run with [encoder] kind = "timm" and '
                'features = "grid" has maps',
            )
        seen = await predictor.maps(request.stream, media_type=media_type_of(request))
        return ConceptMaps.of(
            seen.maps,
            concept_ids=served.concept_ids,
            offsets=served.grounder.bias,
            picture=seen.picture,
            request=request.state.request,
            run=served.name,
        )
