"""The app: every route over one run, behind the guard."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware

from knowledge.retrieval.reader import StoreReader
from pipelines.api.audits import Auditor
from pipelines.api.guarding import Guarded
from pipelines.api.metrics import Metrics
from pipelines.api.observing import Observed
from pipelines.api.predicting import Predictor
from pipelines.api.problems import handle_problems
from pipelines.api.routes.audits import add_audits
from pipelines.api.routes.concepts import add_concepts
from pipelines.api.routes.describing import describe_keys
from pipelines.api.routes.maps import add_maps
from pipelines.api.routes.operations import add_health, add_metrics, add_page
from pipelines.api.routes.predictions import add_predictions
from pipelines.api.routes.search import add_search
from pipelines.api.searching import Searcher
from pipelines.api.served import ServedRun
from pipelines.api.settings import Keys, Limits


def create_app(
    served: ServedRun,
    *,
    limits: Limits,
    keys: Keys,
    reader: StoreReader | None = None,
    auditor: Auditor | None = None,
    metrics: Metrics | None = None,
) -> FastAPI:
    """The API of a run.

    Args:
        served: What answers.
        limits: Of a request.
        keys: That are let in; anybody where there is none.
        reader: Of the run's index; without it nothing is searched.
        auditor: Starts audits; without it none are offered.
        metrics: Where everything is counted.
    """
    metrics = metrics or Metrics()
    metrics.tell_run(served.name, served.audit)
    predictor = Predictor(served, limits, metrics)
    searcher = Searcher(reader, limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if auditor is not None:
                await stack.enter_async_context(auditor.running())
            stack.callback(searcher.close)
            await stack.enter_async_context(predictor.running())
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
    add_maps(app, predictor)
    add_concepts(app, served)
    add_search(app, served, searcher)
    add_audits(app, auditor)
    add_metrics(app, metrics)
    if keys.digests:
        describe_keys(app)
    return app
