"""What the description of several routes has in common."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pipelines.api.guarding import OPEN
from pipelines.api.messages import Problem

KEYS: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

REFUSAL: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals of a route, for its description."""
    return {status: {"model": Problem} for status in (400, 401, 403, 404, 408, 413, 422, 503, *statuses)}


def of_text(media_type: str, example: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers of a route that gives text, and refuses in JSON like all others."""
    refused = {
        status: {"description": HTTPStatus(int(status)).phrase, "content": {"application/json": REFUSAL}}
        for status in problems(*statuses)
    }
    return {200: {"content": {media_type: {"schema": {"type": "string"}, "example": example}}}, **refused}


def describe_keys(app: FastAPI) -> None:
    """The description of a server that lets in known keys alone; the guard sees to it, ahead of any route."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            found["components"]["securitySchemes"] = KEYS
            for path, methods in found["paths"].items():
                for operation in methods.values():
                    operation["security"] = [] if path in OPEN else [{name: []} for name in KEYS]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI documents it
