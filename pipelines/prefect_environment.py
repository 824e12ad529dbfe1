"""Settings that Prefect reads when it is first imported; import this before Prefect."""

import os
from pathlib import Path

from pipelines.weights import cache_directory

DEFAULTS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a fresh home takes 33 on 2 cores
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # progress and errors are told by knobo itself, once
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
}


def prepare() -> None:
    """Sets what the user has not set; a user without a Prefect home gets one in the cache folder.

    Raises:
        OSError: The home cannot be made.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ and not (Path.home() / ".prefect").exists():
        os.environ.setdefault("PREFECT_HOME", str(cache_directory() / "prefect"))
    if home := os.environ.get("PREFECT_HOME"):
        Path(home).expanduser().mkdir(parents=True, exist_ok=True)  # Prefect makes only its last folder


prepare()
