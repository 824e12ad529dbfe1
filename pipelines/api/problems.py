"""Errors as one sentence with the number of the request; a bug keeps its traceback, in the log."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match

from pipelines.api.messages import Problem
from pipelines.errors import USER_ERRORS

log = logging.getLogger("knobo.api")


def handle_problems(app: FastAPI) -> None:
    """Every error of an app as a `Problem`."""
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, gone)
    for kind in USER_ERRORS:
        app.add_exception_handler(kind, unusable)
    app.add_exception_handler(Exception, bug)


def problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer."""
    number = getattr(request.state, "request", "")
    content = Problem(detail=detail, request=number).model_dump()
    return JSONResponse(content, status, headers=dict(headers or {}))


async def http_problem(request: Request, error: Exception) -> Response:
    """What a route or the framework refused."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(methods_of(request))
        return problem(request, 405, f"use {allowed} here; see /openapi.json", {"Allow": allowed})
    unknown = error.status_code == HTTPStatus.NOT_FOUND and error.detail == HTTPStatus.NOT_FOUND.phrase
    detail = "there is nothing at this address; see /openapi.json" if unknown else str(error.detail)
    return problem(request, error.status_code, detail, error.headers)


def methods_of(request: Request) -> list[str]:
    """All that this path takes; the framework names those of its first route alone."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in route.methods or ()})


async def invalid(request: Request, error: Exception) -> Response:
    """A parameter or body that does not fit; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    fault = error.errors()[0]
    where = ".".join(str(part)[:100] for part in fault["loc"])
    return problem(request, 422, f"{where}: {fault['msg'][:300]}; see /openapi.json")


async def gone(request: Request, _: Exception) -> Response:
    """The client left while it was sending; nobody reads this, but it is no bug."""
    return problem(request, 400, "the connection ended before the whole request was sent; send it again")


async def unusable(request: Request, error: Exception) -> Response:
    """A user's mistake."""
    return problem(request, 422, str(error))


async def bug(request: Request, error: Exception) -> Response:
    """Ours; the framework answers outside of all middleware, so the number is not among the headers yet."""
    number = getattr(request.state, "request", "")
    log.error("request %s failed", number, exc_info=error)
    detail = "something is wrong on the server; its log has the number of this request"
    return problem(request, 500, detail, {"X-Request-Id": number})
