"""Settings of a process that registers or drives scheduled runs; import this before Prefect."""

import os

from pipelines.errors import PipelineError

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # people read of these runs in Prefect alone
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "knobo")

import pipelines.prefect_environment  # noqa: F401  # it sets what is not set yet


def require_server() -> str:
    """Address of the Prefect server.

    Raises:
        PipelineError: None is named: the temporary one of a single run keeps no schedule.
    """
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415  # after the settings above

    address: str | None = PREFECT_API_URL.value()
    if not address:
        raise PipelineError(
            "a schedule needs a Prefect server that stays: start one with `prefect server start` and set "
            "PREFECT_API_URL, e.g. to http://127.0.0.1:4200/api"
        )
    return address
