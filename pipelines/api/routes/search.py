"""The literature that the run rests on."""

from fastapi import FastAPI, Request

from pipelines.api.messages import FoundPassage, SearchRequest, SearchResult
from pipelines.api.routes.describing import problems
from pipelines.api.searching import Searcher
from pipelines.api.served import ServedRun


def add_search(app: FastAPI, served: ServedRun, searcher: Searcher) -> None:
    """Passages with their place, licence, and whether they were retracted."""

    @app.post(
        "/v1/search", summary="The passages that answer a query best", responses=problems(409, 500, 504)
    )
    async def search(request: Request, asked: SearchRequest) -> SearchResult:
        found = await searcher.search(asked.query, limit=asked.limit, among=asked.among)
        return SearchResult(
            request=request.state.request,
            run=served.name,
            passages=tuple(map(FoundPassage.of, found)),
        )
