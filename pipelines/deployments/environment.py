"""Settings of a process that registers or drives scheduled runs; import this before Prefect."""

import os

from pipelines.errors import PipelineError

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # people read of these runs in Prefect alone
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "knobo")

import pipelines.prefect_environment  # noqa: F401  # it sets what is not set yet


def require_server() -> None:
    """A Prefect server that stays, and answers.

    Raises:
        PipelineError: None is named (the temporary one of a single run keeps no schedule), or it is silent.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415  # after the settings above
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    address: str | None = PREFECT_API_URL.value()
    if not address:
        raise PipelineError(
            "a schedule needs a Prefect server that stays: start one with `prefect server start` and set "
            "PREFECT_API_URL, e.g. to http://127.0.0.1:4200/api"
        )
    with get_client(sync_client=True) as client:
        if (failure := client.api_healthcheck()) is not None:
            raise PipelineError(
                f"the Prefect server at {address} does not answer ({type(failure).__name__}); start it, or "
                "mend PREFECT_API_URL"
            )
